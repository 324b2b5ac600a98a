#include "Model.h"

#include <string.h>

extern "C" {
int simcall(int number, int a, const void* b, int c);
void run();
uint32_t trapped(uint32_t at, uint32_t cause, uint32_t address);
extern void (*init_array_start[])();
extern void (*init_array_end[])();
extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[], stack_bottom[];
extern uint32_t words_load[], words_start[], words_end[], trap_registers[];
}

namespace {

// The simulated machine's own calls: what a board would do by its UART.
constexpr int kExit = 1, kWrite = 4, kStdout = 1;
constexpr uint32_t kPaint = 0xA5A5A5A5;
// What the painter itself needs of the stack.
constexpr size_t kOwn = 64;

[[noreturn]] void end(int code) {
  for (;;) simcall(kExit, code, nullptr, 0);
}

void printHex(uint32_t value) {
  char digits[] = "0x00000000";
  for (size_t i = 9; i > 1; i--, value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
  model::print(digits);
}

uint32_t* below(void* frame) { return static_cast<uint32_t*>(frame) - kOwn / sizeof(uint32_t); }

}  // namespace

namespace model {

void print(const char* text) { simcall(kWrite, kStdout, text, static_cast<int>(strlen(text))); }

void print(long long number) {
  char digits[24];
  char* at = digits + sizeof digits;
  *--at = 0;
  unsigned long long left = number < 0 ? 0 - static_cast<unsigned long long>(number) : static_cast<unsigned long long>(number);
  do {
    *--at = static_cast<char>('0' + left % 10);
    left /= 10;
  } while (left != 0);
  if (number < 0) *--at = '-';
  print(at);
}

__attribute__((noinline)) void paint() {
  uint32_t* const limit = below(__builtin_frame_address(0));
  for (volatile uint32_t* word = stack_bottom; word < limit; word = word + 1) *word = kPaint;
}

__attribute__((noinline)) size_t depth() {
  const uint32_t* const limit = below(__builtin_frame_address(0));
  const uint32_t* word = stack_bottom;
  while (word < limit && *word == kPaint) word++;
  return word < limit ? static_cast<size_t>(limit - word) * sizeof(uint32_t) + kOwn : 0;
}

}  // namespace model

// A read of a whole word from where the chip has its flash is done, as the chip does
// it; any other exception ends the program, and is told.
uint32_t trapped(uint32_t at, uint32_t cause, uint32_t address) {
  constexpr uint32_t kNothingThere = 15;
  const auto start = reinterpret_cast<uint32_t>(words_start), size = reinterpret_cast<uint32_t>(words_end) - start;
  const uint8_t* const code = reinterpret_cast<const uint8_t*>(at);
  const bool load = (code[0] & 15) == 2 && code[1] >> 4 == 2, narrowLoad = (code[0] & 15) == 8;
  if (cause == kNothingThere && address - start < size && address % 4 == 0 && (load || narrowLoad)) {
    trap_registers[code[0] >> 4] = words_load[(address - start) / 4];
    return at + (load ? 3 : 2);
  }
  model::print("exception ");
  model::print(cause);
  model::print(" at ");
  printHex(at);
  model::print(", address ");
  printHex(address);
  model::print(address - start < size ? ": flash is read by whole words only\n" : "\n");
  end(2);
}

void run() {
  memcpy(data_start, data_load, static_cast<size_t>(data_end - data_start) * sizeof(uint32_t));
  memset(bss_start, 0, static_cast<size_t>(bss_end - bss_start) * sizeof(uint32_t));
  for (void (**each)() = init_array_start; each < init_array_end; each++) (*each)();
  end(model::program());
}

// What virtual destructors mention. Nothing is on a heap, so nobody calls them.
void operator delete(void*) noexcept { end(3); }
void operator delete(void*, size_t) noexcept { end(3); }
