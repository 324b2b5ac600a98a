// The store's two sectors, and where Edgent kept its configuration.
//
// The sectors are the last two of the file system's area: an update over the air is
// staged below that area, the core's EEPROM and the SDK's settings lie behind it. So
// the board's flash layout needs a file system of at least 8 KB, as the default ones
// have, which the sketch must not mount.
#pragma once
#ifdef ESP8266

#include "../../Tendril/Store/Edgent.h"
#include "../../Tendril/Port.h"

namespace tendril {
namespace esp8266 {

class Sectors final : public Flash {
 public:
  bool read(uint32_t offset, void* into, size_t size) override;
  bool write(uint32_t offset, const void* data, size_t size) override;
  bool erase(uint8_t sector) override;
};

// The core's EEPROM is one sector, and Edgent's record its first bytes.
class EdgentEeprom final : public EdgentMemory {
 public:
  bool read(uint8_t into[kEdgentRecord]) override;
  bool forget() override;
};

}  // namespace esp8266
}  // namespace tendril

#endif
