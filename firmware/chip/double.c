// The ROM's arithmetic of doubles (IEEE 754), rounding to the nearest, ties to even.
// Numbers too small to be normal become zero, which the ROM's don't: nothing here
// depends on that.

#include <stdint.h>
#include <string.h>

typedef uint32_t u32;
typedef uint64_t u64;

enum { kBias = 1023, kMost = 2047, kFraction = 52 };
static const u64 kOne = (u64)1 << kFraction;  // the bit before the point
static const u64 kNaN = (u64)0x7FF8 << 48;

typedef struct {
  int negative;
  int exponent;  // 0: zero; kMost: infinite, or no number
  u64 fraction;  // with the bit before the point, unless zero
} parts;

static parts split(double d) {
  u64 bits;
  memcpy(&bits, &d, sizeof bits);
  parts p = {(int)(bits >> 63), (int)(bits >> kFraction & kMost), bits & (kOne - 1)};
  if (p.exponent == 0) p.fraction = 0;
  else if (p.exponent < kMost) p.fraction |= kOne;
  return p;
}

static double join(u64 bits) {
  double d;
  memcpy(&d, &bits, sizeof d);
  return d;
}

static double special(int negative, u64 exponent) { return join((u64)negative << 63 | exponent << kFraction); }
static int isNaN(parts p) { return p.exponent == kMost && p.fraction != 0; }

// fraction has three bits more than a double's, of which the last stands for all that
// follow it; its highest bit may be anywhere.
static double pack(int negative, int exponent, u64 fraction) {
  if (fraction == 0) return special(negative, 0);
  while (fraction >= kOne << 4) {
    fraction = fraction >> 1 | (fraction & 1);
    exponent++;
  }
  while (fraction < kOne << 3) {
    fraction <<= 1;
    exponent--;
  }
  const u64 rest = fraction & 7;
  fraction >>= 3;
  if (rest > 4 || (rest == 4 && (fraction & 1))) fraction++;
  if (fraction == kOne << 1) {
    fraction >>= 1;
    exponent++;
  }
  if (exponent >= kMost) return special(negative, kMost);
  if (exponent <= 0) return special(negative, 0);
  return join((u64)negative << 63 | (u64)exponent << kFraction | (fraction & (kOne - 1)));
}

static u64 shifted(u64 fraction, int by) {
  if (by > 60) return fraction != 0;
  return fraction >> by | ((fraction & (((u64)1 << by) - 1)) != 0);
}

double __adddf3(double x, double y) {
  parts a = split(x), b = split(y);
  if (isNaN(a) || isNaN(b)) return join(kNaN);
  if (a.exponent == kMost) return b.exponent == kMost && a.negative != b.negative ? join(kNaN) : x;
  if (b.exponent == kMost) return y;
  if (a.exponent < b.exponent || (a.exponent == b.exponent && a.fraction < b.fraction)) {
    const parts c = a;
    a = b;
    b = c;
  }
  const u64 large = a.fraction << 3, small = shifted(b.fraction << 3, a.exponent - b.exponent);
  if (a.negative == b.negative) return pack(a.negative, a.exponent, large + small);
  return large == small ? 0 : pack(a.negative, a.exponent, large - small);
}

double __subdf3(double x, double y) {
  u64 bits;
  memcpy(&bits, &y, sizeof bits);
  return __adddf3(x, join(bits ^ (u64)1 << 63));
}

double __muldf3(double x, double y) {
  const parts a = split(x), b = split(y);
  const int negative = a.negative != b.negative;
  if (isNaN(a) || isNaN(b)) return join(kNaN);
  if (a.exponent == kMost || b.exponent == kMost) return a.exponent == 0 || b.exponent == 0 ? join(kNaN) : special(negative, kMost);
  // The high part of 53 bits by 53: its lowest 49 bits count as one.
  const u64 al = (u32)a.fraction, ah = a.fraction >> 32, bl = (u32)b.fraction, bh = b.fraction >> 32;
  const u64 low = al * bl, middle = ah * bl + (low >> 32), other = al * bh + (u32)middle;
  const u64 high = ah * bh + (middle >> 32) + (other >> 32), rest = other << 32 | (u32)low;
  return pack(negative, a.exponent + b.exponent - kBias, high << (64 - 49) | shifted(rest, 49));
}

double __divdf3(double x, double y) {
  const parts a = split(x), b = split(y);
  const int negative = a.negative != b.negative;
  if (isNaN(a) || isNaN(b) || (a.exponent == kMost && b.exponent == kMost) || (a.exponent == 0 && b.exponent == 0)) return join(kNaN);
  if (a.exponent == kMost || b.exponent == 0) return special(negative, kMost);
  if (a.exponent == 0 || b.exponent == kMost) return special(negative, 0);
  u64 quotient = 0, left = a.fraction;
  for (int i = 0; i < kFraction + 4; i++) {
    quotient <<= 1;
    if (left >= b.fraction) {
      left -= b.fraction;
      quotient |= 1;
    }
    left <<= 1;
  }
  return pack(negative, a.exponent - b.exponent + kBias, quotient | (left != 0));
}

double __floatunsidf(u32 n) { return pack(0, kBias + kFraction, (u64)n << 3); }
double __floatsidf(int32_t n) { return pack(n < 0, kBias + kFraction, (u64)(n < 0 ? -(u32)n : (u32)n) << 3); }

u32 __fixunsdfsi(double d) {
  const parts p = split(d);
  const int places = kBias + kFraction - p.exponent;
  if (p.exponent == 0 || places > kFraction) return 0;
  const u64 whole = places >= 0 ? p.fraction >> places : (u64)UINT32_MAX + 1;
  const u32 n = whole > UINT32_MAX ? UINT32_MAX : (u32)whole;
  return p.negative ? -n : n;
}

int32_t __fixdfsi(double d) { return (int32_t)__fixunsdfsi(d); }

double __extendsfdf2(float f) {
  u32 bits;
  memcpy(&bits, &f, sizeof bits);
  const int exponent = (int)(bits >> 23 & 0xFF);
  if (exponent == 0xFF) return (bits & 0x7FFFFF) != 0 ? join(kNaN) : special((int)(bits >> 31), kMost);
  if (exponent == 0) return special((int)(bits >> 31), 0);
  return join((u64)(bits >> 31) << 63 | (u64)(exponent - 127 + kBias) << kFraction | (u64)(bits & 0x7FFFFF) << 29);
}

float __truncdfsf2(double d) {
  const parts p = split(d);
  const int exponent = p.exponent - kBias + 127;
  u32 bits = (u32)p.negative << 31;
  if (isNaN(p)) {
    bits |= 0x7FC00000;
  } else if (exponent >= 0xFF) {
    bits |= 0x7F800000;
  } else if (p.exponent != 0 && exponent > 0) {
    const u64 rest = p.fraction & ((1 << 29) - 1), half = 1 << 28;
    u32 kept = (u32)exponent << 23 | ((u32)(p.fraction >> 29) & 0x7FFFFF);
    if (rest > half || (rest == half && (kept & 1))) kept++;
    bits |= kept;
  }
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}
