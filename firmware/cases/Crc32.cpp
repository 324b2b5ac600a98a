#include "Tendril/Store/Crc32.h"

#include "Case.h"

using tendril::crc32;

CASE(crc32_known_values) {
  CHECK_EQ(crc32("", 0), 0);
  // The check value of every catalogue of CRCs.
  CHECK_EQ(crc32("123456789", 9), 0xCBF43926);
  CHECK_EQ(crc32("a", 1), 0xE8B7BE43);
}

CASE(crc32_goes_on) { CHECK_EQ(crc32("6789", 4, crc32("12345", 5)), 0xCBF43926); }
