// Flash with anything on it: half of the input is the beginning of each sector.
#include <Tendril/Store/Store.h>

#include <cstdlib>

#include "tests/Configurations.h"
#include "tests/NorFlash.h"

namespace {

void demand(bool condition) {
  if (!condition) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static NorFlash flash;
  flash = NorFlash();
  const size_t half = size / 2;
  if (half > tendril::kSectorSize) return 0;
  flash.load(0, data, half);
  flash.load(tendril::kSectorSize, data + half, half);
  tendril::Store store(flash);
  const tendril::Store::Status status = store.open();
  demand(status != tendril::Store::Status::Failed);
  if (status == tendril::Store::Status::Newer) {
    demand(!store.put(home("new")) && !store.erase() && flash.writes == 0);
    return 0;
  }
  tendril::Slot before;
  const bool had = store.proven(before);
  demand(!had || unusable(before.configuration) == nullptr);
  // Whatever is there, a new one can be stored, and costs no proven one.
  demand(store.put(home("new")));
  tendril::Slot after;
  demand(store.proven(after) == had && (!had || same(after.configuration, before.configuration)));
  demand(store.trial(0, after) && same(after.configuration, home("new")));
  demand(store.erase() && !store.proven(after) && store.trials() == 0 && store.lastError() == tendril::Code::None);
  demand(flash.violations == 0);
  return 0;
}
