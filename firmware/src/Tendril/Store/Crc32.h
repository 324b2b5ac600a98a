// CRC-32 as IEEE 802.3 has it.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace tendril {

// The CRC of data, or of what came before and data, with that one's CRC as before.
uint32_t crc32(const void* data, size_t size, uint32_t before = 0);

}  // namespace tendril
