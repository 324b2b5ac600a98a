// Arithmetic that the chip's ROM does, and that the compiler therefore leaves out of
// its library: by shifting, since the core has no instruction that divides.

#include <stdint.h>

typedef uint32_t u32;
typedef uint64_t u64;

static u64 divide(u64 n, u64 d, u64* rest) {
  u64 quotient = 0;
  u64 left = 0;
  for (int bit = 63; bit >= 0; bit--) {
    left = left << 1 | (n >> bit & 1);
    if (left >= d) {
      left -= d;
      quotient |= (u64)1 << bit;
    }
  }
  *rest = left;
  return quotient;
}

u64 __udivdi3(u64 n, u64 d) {
  u64 rest;
  return divide(n, d, &rest);
}

u64 __umoddi3(u64 n, u64 d) {
  u64 rest;
  divide(n, d, &rest);
  return rest;
}

int64_t __divdi3(int64_t n, int64_t d) {
  u64 rest;
  const u64 quotient = divide(n < 0 ? -(u64)n : (u64)n, d < 0 ? -(u64)d : (u64)d, &rest);
  return (int64_t)((n < 0) != (d < 0) ? -quotient : quotient);
}

u32 __udivsi3(u32 n, u32 d) {
  u32 quotient = 0;
  u32 left = 0;
  for (int bit = 31; bit >= 0; bit--) {
    const u32 carry = left >> 31;
    left = left << 1 | (n >> bit & 1);
    if (carry || left >= d) {
      left -= d;
      quotient |= (u32)1 << bit;
    }
  }
  return quotient;
}

u32 __umodsi3(u32 n, u32 d) { return n - __udivsi3(n, d) * d; }

int32_t __divsi3(int32_t n, int32_t d) {
  const u32 quotient = __udivsi3(n < 0 ? -(u32)n : (u32)n, d < 0 ? -(u32)d : (u32)d);
  return (int32_t)((n < 0) != (d < 0) ? -quotient : quotient);
}

u64 __muldi3(u64 a, u64 b) {
  const u32 al = (u32)a & 0xFFFF, am = (u32)a >> 16;
  const u32 bl = (u32)b & 0xFFFF, bm = (u32)b >> 16;
  const u32 cross = (u32)(a >> 32) * (u32)b + (u32)a * (u32)(b >> 32);
  u64 product = (u64)(am * bm) << 32;
  product += (u64)(am * bl) << 16;
  product += (u64)(al * bm) << 16;
  product += al * bl;
  return product + ((u64)cross << 32);
}
