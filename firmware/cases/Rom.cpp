#include "Tendril/Rom.h"

#include "Case.h"

namespace {

TENDRIL_ROM_TEXT(kText, "from flash");  // 10 bytes: a whole word's last two are padding

}  // namespace

CASE(rom_reads_from_anywhere) {
  for (size_t offset = 0; offset <= 12; offset++) {
    for (size_t capacity = 0; capacity <= 12; capacity++) {
      char into[14];
      memset(into, '#', sizeof into);
      const size_t left = offset < 10 ? 10 - offset : 0;
      const size_t want = left < capacity ? left : capacity;
      CHECK_EQ(kText.read(offset, into, capacity), want);
      CHECK(memcmp(into, &"from flash"[offset < 10 ? offset : 10], want) == 0);
      CHECK_EQ(into[want], '#');
    }
  }
}
