#ifdef ESP32

#include "Image.h"

#include <Update.h>

namespace tendril {
namespace esp32 {

bool Image::begin(uint32_t size) {
  md5_.begin();
  return ::Update.begin(size);
}

// The updater takes its bytes without const, and leaves them as they are.
bool Image::write(const uint8_t* data, size_t size) {
  md5_.add(data, size);
  return ::Update.write(const_cast<uint8_t*>(data), size) == size;
}

void Image::md5(uint8_t into[16]) {
  md5_.calculate();
  md5_.getBytes(into);
}

bool Image::commit() { return ::Update.end(); }

void Image::abort() { ::Update.abort(); }

}  // namespace esp32
}  // namespace tendril

#endif
