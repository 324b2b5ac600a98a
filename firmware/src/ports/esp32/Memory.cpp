#ifdef ESP32

#include "Memory.h"

#include <Preferences.h>
#include <esp_partition.h>

namespace tendril {
namespace esp32 {

namespace {

constexpr uint32_t kRoom = kSlots * kSectorSize;
constexpr char kNamespace[] = "blynk", kKey[] = "config";

const esp_partition_t* partition(const void* p) { return static_cast<const esp_partition_t*>(p); }

}  // namespace

void Sectors::begin() {
  const char* const names[] = {"tendril", "spiffs"};
  for (const char* name : names) {
    const esp_partition_t* found = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, name);
    if (!found || found->size < kRoom) continue;
    partition_ = found;
    first_ = found->size - kRoom;
    return;
  }
}

bool Sectors::lies(uint32_t offset, size_t size) const { return partition_ && offset <= kRoom && size <= kRoom - offset; }

bool Sectors::read(uint32_t offset, void* into, size_t size) {
  return lies(offset, size) && esp_partition_read(partition(partition_), first_ + offset, into, size) == ESP_OK;
}

bool Sectors::write(uint32_t offset, const void* data, size_t size) {
  return lies(offset, size) && esp_partition_write(partition(partition_), first_ + offset, data, size) == ESP_OK;
}

bool Sectors::erase(uint8_t sector) {
  const uint32_t offset = sector * kSectorSize;
  return lies(offset, kSectorSize) && esp_partition_erase_range(partition(partition_), first_ + offset, kSectorSize) == ESP_OK;
}

bool EdgentPreferences::read(uint8_t into[kEdgentRecord]) {
  Preferences store;
  if (!store.begin(kNamespace, true)) return false;
  const bool found = store.getBytesLength(kKey) == kEdgentRecord && store.getBytes(kKey, into, kEdgentRecord) == kEdgentRecord;
  store.end();
  return found;
}

bool EdgentPreferences::forget() {
  Preferences store;
  if (!store.begin(kNamespace, false)) return false;
  const bool gone = store.remove(kKey);
  store.end();
  return gone;
}

}  // namespace esp32
}  // namespace tendril

#endif
