#include "Md5.h"

#include <string.h>

#include "../Rom.h"

namespace tendril {

namespace {

// The whole parts of 2^32 |sin i|, i in radians from 1 on. Read by whole words, as
// flash wants it.
const uint32_t kSines[64] TENDRIL_ROM = {
    0xD76AA478, 0xE8C7B756, 0x242070DB, 0xC1BDCEEE, 0xF57C0FAF, 0x4787C62A, 0xA8304613, 0xFD469501,
    0x698098D8, 0x8B44F7AF, 0xFFFF5BB1, 0x895CD7BE, 0x6B901122, 0xFD987193, 0xA679438E, 0x49B40821,
    0xF61E2562, 0xC040B340, 0x265E5A51, 0xE9B6C7AA, 0xD62F105D, 0x02441453, 0xD8A1E681, 0xE7D3FBC8,
    0x21E1CDE6, 0xC33707D6, 0xF4D50D87, 0x455A14ED, 0xA9E3E905, 0xFCEFA3F8, 0x676F02D9, 0x8D2A4C8A,
    0xFFFA3942, 0x8771F681, 0x6D9D6122, 0xFDE5380C, 0xA4BEEA44, 0x4BDECFA9, 0xF6BB4B60, 0xBEBFBC70,
    0x289B7EC6, 0xEAA127FA, 0xD4EF3085, 0x04881D05, 0xD9D4D039, 0xE6DB99E5, 0x1FA27CF8, 0xC4AC5665,
    0xF4292244, 0x432AFF97, 0xAB9423A7, 0xFC93A039, 0x655B59C3, 0x8F0CCC92, 0xFFEFF47D, 0x85845DD1,
    0x6FA87E4F, 0xFE2CE6E0, 0xA3014314, 0x4E0811A1, 0xF7537E82, 0xBD3AF235, 0x2AD7D2BB, 0xEB86D391,
};

uint32_t rotate(uint32_t x, unsigned bits) { return x << bits | x >> (32 - bits); }

// How far round, by the round and the place in it: a byte for each of four steps.
unsigned shift(unsigned step) {
  constexpr uint32_t kShifts[] = {0x16110C07, 0x140E0905, 0x17100B04, 0x150F0A06};
  return kShifts[step / 16] >> (step % 4 * 8) & 0xFF;
}

}  // namespace

void Md5::block(const uint8_t* data) {
  uint32_t words[16];
  memcpy(words, data, sizeof words);  // both are little-endian
  uint32_t a = state_[0];
  uint32_t b = state_[1];
  uint32_t c = state_[2];
  uint32_t d = state_[3];
  for (unsigned i = 0; i < 64; i++) {
    uint32_t f = 0;
    unsigned word = i;
    switch (i / 16) {
      case 0: f = (b & c) | (~b & d); break;
      case 1: f = (d & b) | (~d & c); word = 5 * i + 1; break;
      case 2: f = b ^ c ^ d; word = 3 * i + 5; break;
      default: f = c ^ (b | ~d); word = 7 * i; break;
    }
    const uint32_t next = b + rotate(a + f + kSines[i] + words[word % 16], shift(i));
    a = d;
    d = c;
    c = b;
    b = next;
  }
  state_[0] += a;
  state_[1] += b;
  state_[2] += c;
  state_[3] += d;
}

void Md5::add(const uint8_t* data, size_t size) {
  for (size_t i = 0; i < size; i++) {
    pending_[size_++ % 64] = data[i];
    if (size_ % 64 == 0) block(pending_);
  }
}

void Md5::finish(uint8_t into[kSize]) {
  const uint64_t bits = static_cast<uint64_t>(size_) << 3;
  const uint8_t end = 0x80;
  const uint8_t zero = 0;
  add(&end, 1);
  while (size_ % 64 != 56) add(&zero, 1);
  for (unsigned i = 0; i < 64; i += 8) {
    const auto byte = static_cast<uint8_t>(bits >> i);
    add(&byte, 1);
  }
  memcpy(into, state_, kSize);
}

}  // namespace tendril
