// What is on flash and what it means, as all implementations have it
// (protocol/testdata/slots.json).
#include "Case.h"
#include "Tendril/Store/Store.h"
#include "tables/Slots.h"

using namespace tendril;

namespace {

class MemoryFlash : public Flash {
 public:
  void blank() {
    memset(cells, 0xFF, sizeof cells);
    changes = 0;
  }
  bool read(uint32_t offset, void* into, size_t size) override {
    memcpy(into, cells + offset, size);
    return true;
  }
  bool write(uint32_t offset, const void* data, size_t size) override {
    changes++;
    for (size_t i = 0; i < size; i++) cells[offset + i] = static_cast<uint8_t>(cells[offset + i] & static_cast<const uint8_t*>(data)[i]);
    return true;
  }
  bool erase(uint8_t sector) override {
    changes++;
    memset(cells + sector * kSectorSize, 0xFF, kSectorSize);
    return true;
  }

  uint8_t cells[kSlots * kSectorSize];
  int changes = 0;
};

// Not on the stack, which is small on a chip.
MemoryFlash flash;
MemoryFlash written;

void lay(const tables::SlotsRow& row) {
  flash.blank();
  for (uint8_t i = 0; i < row.pieces; i++) memcpy(flash.cells + row.piece[i].offset, row.piece[i].bytes.data, row.piece[i].bytes.size);
}

void check(bool is, const Slot& slot, const tables::SlotWant& want) {
  CHECK_EQ(is, want.is);
  if (!is || !want.is) return;
  const Configuration& c = slot.configuration;
  CHECK_EQ(slot.sequence, want.sequence);
  CHECK_EQ(slot.sent, want.sent);
  CHECK(c.ssid.text() == want.ssid);
  CHECK(c.password.text() == want.password);
  CHECK(c.token.text() == want.token);
  CHECK(c.host.text() == want.host);
  CHECK_EQ(c.port, want.port);
  CHECK_EQ(c.tlsPort, want.tlsPort);
  CHECK_EQ(c.hidden, want.hidden);
  CHECK_EQ(c.hasStatic, !want.fixed.empty());
  if (c.hasStatic) CHECK(memcmp(&c.fixed, want.fixed.data, sizeof c.fixed) == 0);
}

}  // namespace

CASE(slots_are_read) {
  for (const tables::SlotsRow& row : tables::kSlots) {
    lay(row);
    Store store(flash);
    Slot slot;
    CHECK_EQ(store.open(), row.refused ? Store::Status::Newer : Store::Status::Ok);
    check(store.proven(slot), slot, row.proven);
    for (uint8_t n = 0; n < 2; n++) check(store.trial(n, slot), slot, row.trials[n]);
    CHECK_EQ(store.lastError(), row.lastError);
    if (row.refused) {
      // What a newer firmware has kept is touched by nothing.
      CHECK(!store.erase());
      CHECK_EQ(flash.changes, 0);
    }
  }
}

CASE(slots_are_written_alike) {
  int compared = 0;
  for (const tables::SlotsRow& row : tables::kSlots) {
    // A first configuration and nothing else.
    if (row.pieces != 1 || !row.trials[0].is || row.trials[0].sequence != 1) continue;
    lay(row);
    Store store(flash);
    Slot slot;
    CHECK_EQ(store.open(), Store::Status::Ok);
    CHECK(store.trial(0, slot));
    written.blank();
    Store other(written);
    CHECK(other.put(slot.configuration));
    CHECK(memcmp(written.cells, flash.cells, sizeof flash.cells) == 0);
    compared++;
  }
  CHECK(compared >= 3);
}
