// Configurations in all their forms: what is taken can be stored.
#include "Tendril/Portal/Draft.h"
#include "tests/SetupNetwork.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  tests::FakeBoard board;
  tendril::Draft draft;
  draft.begin(static_cast<tendril::Draft::Kind>(data[0] % 3));
  for (size_t i = 1; i < size; i++) draft.push(static_cast<char>(data[i]));
  const tendril::Parameter refused = draft.finish(board);
  if (refused == tendril::Parameter::None && tendril::unusable(draft.configuration()) != nullptr) __builtin_trap();
  draft.wipe();
  if (!draft.configuration().password.empty() || !draft.configuration().token.empty()) __builtin_trap();
  return 0;
}
