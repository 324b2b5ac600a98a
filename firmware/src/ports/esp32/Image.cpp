#ifdef ESP32

#include "Image.h"

#include <Update.h>

namespace tendril {
namespace esp32 {

bool Image::begin(uint32_t size) { return ::Update.begin(size); }

// It takes its bytes without const, and leaves them as they are.
bool Image::write(const uint8_t* data, size_t size) { return ::Update.write(const_cast<uint8_t*>(data), size) == size; }

bool Image::commit() { return ::Update.end(); }

void Image::abort() { ::Update.abort(); }

}  // namespace esp32
}  // namespace tendril

#endif
