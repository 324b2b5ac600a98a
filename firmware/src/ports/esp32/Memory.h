// The store's two sectors, and where Edgent kept its configuration.
//
// The sectors are a data partition named "tendril", if the board's table of partitions
// has one; else the last two of the partition named "spiffs", as the default tables
// have it, so that a device can be updated over the air from Edgent. The sketch must
// not mount that one then.
#pragma once
#ifdef ESP32

#include "../../Tendril/Port.h"
#include "../../Tendril/Store/Edgent.h"

namespace tendril {
namespace esp32 {

class Sectors final : public Flash {
 public:
  void begin();

  bool read(uint32_t offset, void* into, size_t size) override;
  bool write(uint32_t offset, const void* data, size_t size) override;
  bool erase(uint8_t sector) override;

 private:
  bool lies(uint32_t offset, size_t size) const;

  const void* partition_ = nullptr;  // an esp_partition_t; nullptr: there is no room
  uint32_t first_ = 0;               // of the sectors, in the partition
};

// "config" of "blynk" in the NVS.
class EdgentPreferences final : public EdgentMemory {
 public:
  bool read(uint8_t into[kEdgentRecord]) override;
  bool forget() override;
};

}  // namespace esp32
}  // namespace tendril

#endif
