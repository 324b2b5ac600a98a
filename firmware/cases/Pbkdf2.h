// PBKDF2 with HMAC-SHA-256 (RFC 8018, 5.2; RFC 2104; FIPS 180-4) for at most 32
// bytes, for tests alone: boards bring their own.
#pragma once

#include "Tendril/Text.h"

namespace cases {

namespace sha {

constexpr size_t kBlock = 64, kDigest = 32;

inline constexpr uint32_t kRounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

inline uint32_t turned(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

// SHA-256 of whole blocks and a last one that ends them.
class Sha256 {
 public:
  void put(const uint8_t* data, size_t size) {
    for (size_t i = 0; i < size; i++) {
      block_[size_++ % kBlock] = data[i];
      if (size_ % kBlock == 0) compress();
    }
  }
  void finish(uint8_t digest[kDigest]) {
    const uint64_t bits = uint64_t{size_} * 8;
    const uint8_t mark = 0x80, zero = 0;
    put(&mark, 1);
    while (size_ % kBlock != kBlock - 8) put(&zero, 1);
    for (unsigned i = 0; i < 8; i++) {
      const uint8_t byte = static_cast<uint8_t>(bits >> (56 - 8 * i));
      put(&byte, 1);
    }
    for (size_t i = 0; i < kDigest; i++) digest[i] = static_cast<uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
  }

 private:
  void compress() {
    uint32_t w[64], s[8];
    for (size_t i = 0; i < 16; i++) {
      w[i] = uint32_t{block_[4 * i]} << 24 | uint32_t{block_[4 * i + 1]} << 16 | uint32_t{block_[4 * i + 2]} << 8 | block_[4 * i + 3];
    }
    for (size_t i = 16; i < 64; i++) {
      const uint32_t a = w[i - 15], b = w[i - 2];
      w[i] = w[i - 16] + w[i - 7] + (turned(a, 7) ^ turned(a, 18) ^ a >> 3) + (turned(b, 17) ^ turned(b, 19) ^ b >> 10);
    }
    memcpy(s, state_, sizeof s);
    for (size_t i = 0; i < 64; i++) {
      const uint32_t e = s[4], a = s[0];
      const uint32_t one = s[7] + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + kRounds[i] + w[i];
      const uint32_t two = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
      memmove(s + 1, s, 7 * sizeof s[0]);
      s[4] += one;
      s[0] = one + two;
    }
    for (size_t i = 0; i < 8; i++) state_[i] += s[i];
  }

  uint32_t state_[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint8_t block_[kBlock] = {};
  size_t size_ = 0;
};

// HMAC's inner or outer hash, begun with the key.
inline Sha256 keyed(tendril::Text key, uint8_t pad) {
  Sha256 hash;
  for (size_t i = 0; i < kBlock; i++) {
    const uint8_t byte = static_cast<uint8_t>((i < key.size ? static_cast<uint8_t>(key[i]) : 0) ^ pad);
    hash.put(&byte, 1);
  }
  return hash;
}

}  // namespace sha

inline void pbkdf2(tendril::Text password, tendril::Text salt, uint16_t rounds, uint8_t* into, size_t size) {
  using namespace sha;
  const Sha256 inner = keyed(password, 0x36), outer = keyed(password, 0x5c);
  const uint8_t block[] = {0, 0, 0, 1};
  uint8_t digest[kDigest], sum[kDigest] = {};
  for (uint16_t round = 0; round < rounds; round++) {
    Sha256 hash = inner;
    if (round == 0) {
      hash.put(reinterpret_cast<const uint8_t*>(salt.data), salt.size);
      hash.put(block, sizeof block);
    } else {
      hash.put(digest, sizeof digest);
    }
    hash.finish(digest);
    hash = outer;
    hash.put(digest, sizeof digest);
    hash.finish(digest);
    for (size_t i = 0; i < kDigest; i++) sum[i] ^= digest[i];
  }
  memcpy(into, sum, size < kDigest ? size : kDigest);
}

}  // namespace cases
