#include "Pbkdf2.h"

#include "Case.h"

// RFC 7914, 11.
CASE(pbkdf2_of_the_tests) {
  uint8_t key[32];
  cases::pbkdf2("passwd", "salt", 1, key, sizeof key);
  const uint8_t want[] = {0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f, 0xec, 0x16, 0x91, 0xc2, 0x25, 0x44, 0xb6, 0x05};
  CHECK(memcmp(key, want, sizeof want) == 0);
}
