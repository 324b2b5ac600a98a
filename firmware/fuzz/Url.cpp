// An update's URL: what is taken fits into a request line.
#include <Tendril/Update/Url.h>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tendril::Url url;
  if (!url.parse({reinterpret_cast<const char*>(data), size})) return 0;
  const tendril::Text path = url.path.text();
  if (url.host.empty() || url.port == 0 || path.empty() || path[0] != '/') abort();
  for (size_t i = 0; i < path.size; i++) {
    if (path[i] <= ' ' || path[i] > '~') abort();
  }
  return 0;
}
