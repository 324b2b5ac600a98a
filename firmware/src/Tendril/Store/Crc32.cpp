#include "Crc32.h"

namespace tendril {

// Bit by bit: a configuration is some hundred bytes, a table would be 1 KB.
uint32_t crc32(const void* data, size_t size, uint32_t before) {
  const uint8_t* p = static_cast<const uint8_t*>(data);
  uint32_t crc = ~before;
  for (size_t i = 0; i < size; i++) {
    crc ^= p[i];
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

}  // namespace tendril
