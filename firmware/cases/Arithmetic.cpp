// What the core relies on and no compiler warns of, where the compiler leaves it to
// the chip: division and multiplication of 32 and 64 bits, and how bytes lie in words.

#include "Case.h"

#include <string.h>

namespace {

// The compiler must not know the value, or it does the arithmetic itself.
template <typename T>
T hidden(T value) {
  volatile T v = value;
  return v;
}

}  // namespace

CASE(divides_32_bits) {
  struct {
    uint32_t n, d, quotient, rest;
  } rows[] = {{0, 1, 0, 0},
              {7, 2, 3, 1},
              {6, 7, 0, 6},
              {0xFFFFFFFF, 10, 429496729, 5},
              {0xFFFFFFFF, 0xFFFFFFFF, 1, 0},
              {0xFFFFFFFE, 0xFFFFFFFF, 0, 0xFFFFFFFE},
              {0x80000000, 3, 715827882, 2}};
  for (const auto& r : rows) {
    CHECK_EQ(hidden(r.n) / hidden(r.d), r.quotient);
    CHECK_EQ(hidden(r.n) % hidden(r.d), r.rest);
  }
  CHECK_EQ(hidden<int32_t>(-7) / hidden<int32_t>(2), -3);
  CHECK_EQ(hidden<int32_t>(-7) % hidden<int32_t>(2), -1);
  CHECK_EQ(hidden<int32_t>(INT32_MIN) / hidden<int32_t>(10), -214748364);
}

CASE(divides_64_bits) {
  CHECK_EQ(hidden<uint64_t>(1601968586694) / hidden<uint64_t>(1000), 1601968586);
  CHECK_EQ(hidden<uint64_t>(1601968586694) % hidden<uint64_t>(1000), 694);
  CHECK_EQ(hidden<int64_t>(-1601968586694) / hidden<int64_t>(1000), -1601968586);
  CHECK_EQ(hidden<uint64_t>(UINT64_MAX) / hidden<uint64_t>(UINT64_MAX - 1), 1);
}

CASE(multiplies_64_bits) {
  CHECK_EQ(hidden<uint64_t>(1601968586) * hidden<uint64_t>(1000), 1601968586000);
  CHECK_EQ(hidden<int64_t>(-3) * hidden<int64_t>(0x123456789A), -0x369D0369CE);
  CHECK(hidden<uint64_t>(UINT64_MAX) * hidden<uint64_t>(UINT64_MAX) == 1);
}

CASE(words_begin_with_their_low_byte) {
  const uint32_t word = hidden<uint32_t>(0x04030201);
  uint8_t bytes[4];
  memcpy(bytes, &word, sizeof word);
  for (uint8_t i = 0; i < 4; i++) CHECK_EQ(bytes[i], i + 1);
}
