#ifdef ESP8266

#include "Memory.h"

#include <Arduino.h>
#include <Esp.h>

#include "Emulation.h"

#if !CORE_MOCK
extern "C" {
#include <flash_hal.h>
}
#endif

namespace tendril {
namespace esp8266 {

#if CORE_MOCK

bool Sectors::read(uint32_t offset, void* into, size_t size) { return emulation::readFlash(offset, into, size); }
bool Sectors::write(uint32_t offset, const void* data, size_t size) { return emulation::writeFlash(offset, data, size); }
bool Sectors::erase(uint8_t sector) { return emulation::eraseFlash(sector * kSectorSize, kSectorSize); }
bool EdgentEeprom::read(uint8_t*) { return false; }
bool EdgentEeprom::forget() { return true; }

#else

namespace {

constexpr uint32_t kRoom = kSlots * kSectorSize;
// Where the chip maps its flash.
constexpr uint32_t kMapped = 0x40200000;

// Of the first sector, in flash; 0: the board's layout has no room.
uint32_t firstSector() { return FS_PHYS_SIZE >= kRoom ? FS_PHYS_ADDR + FS_PHYS_SIZE - kRoom : 0; }

bool lies(uint32_t offset, size_t size) { return firstSector() != 0 && offset <= kRoom && size <= kRoom - offset; }

}  // namespace

bool Sectors::read(uint32_t offset, void* into, size_t size) {
  return lies(offset, size) && ESP.flashRead(firstSector() + offset, static_cast<uint8_t*>(into), size);
}

bool Sectors::write(uint32_t offset, const void* data, size_t size) {
  return lies(offset, size) && ESP.flashWrite(firstSector() + offset, static_cast<const uint8_t*>(data), size);
}

bool Sectors::erase(uint8_t sector) {
  const uint32_t offset = sector * kSectorSize;
  return lies(offset, kSectorSize) && ESP.flashEraseSector((firstSector() + offset) / kSectorSize);
}

bool EdgentEeprom::read(uint8_t into[kEdgentRecord]) { return ESP.flashRead(EEPROM_start - kMapped, into, kEdgentRecord); }

// Writing can clear bits, which needs no erasure: the rest of the sector may be the
// sketch's.
bool EdgentEeprom::forget() {
  const uint8_t zeros[16] = {};
  for (uint32_t at = 0; at < kEdgentRecord; at += sizeof zeros) {
    const size_t left = kEdgentRecord - at;
    if (!ESP.flashWrite(EEPROM_start - kMapped + at, zeros, left < sizeof zeros ? left : sizeof zeros)) return false;
  }
  return true;
}

#endif

}  // namespace esp8266
}  // namespace tendril

#endif
