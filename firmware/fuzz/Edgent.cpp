// A record of Edgent's with anything in it.
#include <Tendril/Store/Edgent.h>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < tendril::kEdgentRecord) return 0;
  tendril::Configuration configuration;
  tendril::Code lastError = tendril::Code::None;
  const bool valid = tendril::readEdgent(data, configuration, lastError) == tendril::EdgentRecord::Valid;
  // What is taken for valid can be stored.
  if (valid && unusable(configuration) != nullptr) abort();
  return 0;
}
