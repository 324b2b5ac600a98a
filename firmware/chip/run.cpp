// Runs every case on the chip's CPU, as QEMU models it: no ROM, no radio, no SDK. It
// prints what failed; its exit code is that of the run.

#include "../cases/Case.h"
#include "Model.h"

namespace {

int failures;

}  // namespace

namespace cases {

Case* first;

Case::Case(const char* caseName, void (*caseRun)()) : name(caseName), run(caseRun), next(first) { first = this; }

void fail(const char* file, int line, const char* what, long long got, long long want) {
  failures++;
  model::print("  ");
  model::print(file);
  model::print(":");
  model::print(line);
  model::print(": ");
  model::print(what);
  model::print(": got ");
  model::print(got);
  model::print(", want ");
  model::print(want);
  model::print("\n");
}

}  // namespace cases

int model::program() {
  int passed = 0, failed = 0;
  for (cases::Case* c = cases::first; c; c = c->next) {
    const int before = failures;
    c->run();
    if (failures == before) {
      passed++;
      continue;
    }
    failed++;
    print("FAILED ");
    print(c->name);
    print("\n");
  }
  print(passed);
  print(" passed, ");
  print(failed);
  print(" failed\n");
  return failed == 0 && passed > 0 ? 0 : 1;
}
