// Runs every case on the chip's CPU, as QEMU models it: no ROM, no radio, no SDK.
// It prints what failed, and how deep the stack went; its exit code is that of the
// run. The machine's own calls do what a board would do by its UART.

#include "../cases/Case.h"

#include <stddef.h>
#include <string.h>

extern "C" {
int simcall(int number, int a, const void* b, int c);
void run();
void faulted(uint32_t at, uint32_t cause, uint32_t address);
extern void (*init_array_start[])();
extern void (*init_array_end[])();
extern uint32_t bss_start[], bss_end[], stack_bottom[], stack_top[];
}

namespace {

constexpr int kExit = 1, kWrite = 4, kStdout = 1;
constexpr uint32_t kPaint = 0xA5A5A5A5;
// What the painter itself needs of the stack.
constexpr size_t kOwn = 64;

int failures;

void print(const char* text) { simcall(kWrite, kStdout, text, static_cast<int>(strlen(text))); }

void printNumber(long long value) {
  char digits[24];
  char* at = digits + sizeof digits;
  *--at = 0;
  const bool negative = value < 0;
  unsigned long long left = negative ? 0 - static_cast<unsigned long long>(value) : static_cast<unsigned long long>(value);
  do {
    *--at = static_cast<char>('0' + left % 10);
    left /= 10;
  } while (left != 0);
  if (negative) *--at = '-';
  print(at);
}

void printHex(uint32_t value) {
  char digits[] = "0x00000000";
  for (size_t i = 9; i > 1; i--, value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
  print(digits);
}

[[noreturn]] void end(int code) {
  for (;;) simcall(kExit, code, nullptr, 0);
}

__attribute__((noinline)) uint32_t* stackHere() { return static_cast<uint32_t*>(__builtin_frame_address(0)); }

void paint() {
  uint32_t* const limit = stackHere() - kOwn / sizeof(uint32_t);
  for (uint32_t* word = stack_bottom; word < limit; word++) *word = kPaint;
}

// How far below here the stack has been since it was painted.
size_t depth() {
  const uint32_t* word = stack_bottom;
  while (*word == kPaint) word++;
  const size_t bytes = static_cast<size_t>(stackHere() - word) * sizeof(uint32_t);
  return bytes > kOwn ? bytes : 0;
}

}  // namespace

namespace cases {

Case* first;

Case::Case(const char* caseName, void (*caseRun)()) : name(caseName), run(caseRun), next(first) { first = this; }

void fail(const char* file, int line, const char* what, long long got, long long want) {
  failures++;
  print("  ");
  print(file);
  print(":");
  printNumber(line);
  print(": ");
  print(what);
  print(": got ");
  printNumber(got);
  print(", want ");
  printNumber(want);
  print("\n");
}

}  // namespace cases

// Classes with virtual destructors refer to these; nobody calls them, since nothing
// is ever made.
void operator delete(void*) noexcept {
  print("something was deleted\n");
  end(2);
}
void operator delete(void* what, size_t) noexcept { operator delete(what); }

void faulted(uint32_t at, uint32_t cause, uint32_t address) {
  print("exception ");
  printNumber(cause);
  print(" at ");
  printHex(at);
  print(", address ");
  printHex(address);
  print("\n");
  end(2);
}

void run() {
  memset(bss_start, 0, static_cast<size_t>(bss_end - bss_start) * sizeof(uint32_t));
  for (void (**each)() = init_array_start; each < init_array_end; each++) (*each)();
  size_t deepest = 0;
  const char* deepestName = "none";
  int passed = 0, failed = 0;
  for (cases::Case* c = cases::first; c; c = c->next) {
    const int before = failures;
    paint();
    c->run();
    const size_t used = depth();
    if (used > deepest) {
      deepest = used;
      deepestName = c->name;
    }
    if (failures == before) {
      passed++;
      continue;
    }
    failed++;
    print("FAILED ");
    print(c->name);
    print("\n");
  }
  printNumber(passed);
  print(" passed, ");
  printNumber(failed);
  print(" failed; deepest stack ");
  printNumber(static_cast<long long>(deepest));
  print(" bytes in ");
  print(deepestName);
  print("\n");
  end(failed == 0 && passed > 0 ? 0 : 1);
}
