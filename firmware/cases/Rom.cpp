#include "Tendril/Rom.h"

#include "Case.h"

namespace {

TENDRIL_ROM_TEXT(kText, "from flash");  // 10 bytes: its last word has two NULs

}  // namespace

CASE(rom_reads_every_byte) {
  const char* const want = "from flash";
  for (size_t i = 0; i <= 10; i++) CHECK_EQ(kText[i], want[i]);
}
