#ifdef ESP8266

#include "Image.h"

#include <Updater.h>

namespace tendril {
namespace esp8266 {

bool Image::begin(uint32_t size) {
  md5_.begin();
  return ::Update.begin(size);
}

// The updater takes its bytes without const, and leaves them as they are.
bool Image::write(const uint8_t* data, size_t size) {
  md5_.add(data, static_cast<uint16_t>(size));
  return ::Update.write(const_cast<uint8_t*>(data), size) == size;
}

void Image::md5(uint8_t into[16]) {
  md5_.calculate();
  md5_.getBytes(into);
}

bool Image::commit() { return ::Update.end(); }

// Before all of it is there, its end forgets it.
void Image::abort() { ::Update.end(); }

}  // namespace esp8266
}  // namespace tendril

#endif
