// The memory that the portal and the link have in turn: while one of them is at
// work, the other isn't.
#pragma once

#include "Config.h"

namespace tendril {

struct Workspace {
  alignas(8) uint8_t bytes[kWorkspace];
};

}  // namespace tendril
