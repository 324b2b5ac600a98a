// A configuration as a slot's payload (docs/config-slots.md).
#pragma once

#include "../Configuration.h"

namespace tendril {

// Flags; four texts with their lengths; two ports; five addresses.
constexpr size_t kMaxPayload = 1 + (1 + kMaxSsid) + (1 + kMaxPassword) + (1 + kTokenSize) + (1 + kMaxHost) + 2 * 2 + 5 * 4;

// Writes the payload and says how long it is; 0 for what no configuration can be.
size_t encode(const Configuration& from, uint8_t into[kMaxPayload]);

// Reads what encode wrote; false for anything else. Without into, only says so.
bool decode(const uint8_t* payload, size_t size, Configuration* into);

}  // namespace tendril
