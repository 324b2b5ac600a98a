// Time as chips count it: passed in, never waited for.
#pragma once

#include <stdint.h>

namespace tendril {

// Milliseconds since the start; wraps after 49.7 days, so that only differences
// mean something.
using Millis = uint32_t;

// How long since was before now; right for anything less than 49.7 days.
constexpr uint32_t elapsed(Millis now, Millis since) { return now - since; }

}  // namespace tendril
