// PBKDF2 with HMAC-SHA-256 (RFC 8018, 5.2; RFC 2104; FIPS 180-4) for at most 32
// bytes, for tests alone: boards bring their own.
#pragma once

#include "Tendril/Text.h"

namespace cases {

void pbkdf2(tendril::Text password, tendril::Text salt, uint16_t rounds, uint8_t* into, size_t size);

}  // namespace cases
