#include "Number.h"

namespace tendril {

void Number::digits(unsigned long long value) {
  char reversed[20];
  uint8_t n = 0;
  do {
    reversed[n++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0);
  while (n > 0) put(reversed[--n]);
}

void Number::write(long long value) {
  // The most negative value has no positive one.
  write(value < 0 ? 0ULL - static_cast<unsigned long long>(value) : static_cast<unsigned long long>(value), value < 0);
}

void Number::write(unsigned long long magnitude, bool negative) {
  if (negative) put('-');
  digits(magnitude);
}

void Number::write(double value, uint8_t decimals) {
  constexpr double kLargest = 1e15;  // beyond, decimals mean nothing
  if (value - value != 0) return;    // infinite, or no number
  const bool negative = value < 0;
  if (negative) value = -value;
  unsigned exponent = 0;
  double most = kLargest;
  while (value >= most) {
    value /= 10;
    exponent++;
    most = 10;
  }
  uint32_t scale = 1;
  for (uint8_t i = 0; i < decimals && i < 9; i++) scale *= 10;
  auto whole = static_cast<unsigned long long>(value);
  const double behind = (value - static_cast<double>(whole)) * scale;
  auto rest = static_cast<uint32_t>(behind);
  if (behind - rest >= 0.5) rest++;
  if (rest == scale) {
    whole++;
    rest = 0;
  }
  write(whole, negative && (whole | rest) != 0);
  if (rest != 0) put('.');
  for (; rest != 0 && scale > 1; rest %= scale) {
    scale /= 10;
    put(static_cast<char>('0' + rest / scale));
  }
  if (exponent > 0) {
    put('e');
    digits(exponent);
  }
}

}  // namespace tendril
