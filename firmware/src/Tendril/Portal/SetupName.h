// What the setup network is called.
#pragma once

#include "../Config.h"
#include "../Text.h"

namespace tendril {

constexpr size_t kUnitSuffix = 4;

// Tells units on one desk apart: 20 bits, the CRC-16/CCITT-FALSE of the MAC and the
// low half of its last byte. It is no secret and no identity.
Field<kUnitSuffix> unitSuffix(const uint8_t mac[6]);

// "vendor name", or "vendor name-XXXX" with a suffix. What is too long is cut from
// the name, at a character's boundary and without a space left at the cut.
Field<kMaxSetupSsid> setupSsid(Text vendor, Text name, Text suffix);

}  // namespace tendril
