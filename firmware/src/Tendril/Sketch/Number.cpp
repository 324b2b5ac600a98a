#include "Number.h"

namespace tendril {

void Number::digits(unsigned long long value, uint8_t atLeast) {
  char reversed[20];
  uint8_t n = 0;
  do {
    reversed[n++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0 || n < atLeast);
  while (n > 0) put(reversed[--n]);
}

void Number::write(long long value) {
  // The most negative value has no positive one.
  write(value < 0 ? 0ULL - static_cast<unsigned long long>(value) : static_cast<unsigned long long>(value), value < 0);
}

void Number::write(unsigned long long magnitude, bool negative) {
  if (negative) put('-');
  digits(magnitude, 1);
}

void Number::write(double value, uint8_t decimals) {
  constexpr double kLargest = 1e15;  // beyond, decimals mean nothing
  if (value != value || value - value != 0) return;
  const bool negative = value < 0;
  if (negative) value = -value;
  int exponent = 0;
  if (value >= kLargest) {
    while (value >= 10) {
      value /= 10;
      exponent++;
    }
  }
  unsigned long long scale = 1;
  if (decimals > 9) decimals = 9;
  for (uint8_t i = 0; i < decimals; i++) scale *= 10;
  auto whole = static_cast<unsigned long long>(value);
  const double part = (value - static_cast<double>(whole)) * static_cast<double>(scale);
  auto rest = static_cast<unsigned long long>(part);
  if (part - static_cast<double>(rest) >= 0.5) rest++;
  if (rest >= scale) {
    whole++;
    rest -= scale;
  }
  if (negative && (whole | rest) != 0) put('-');
  digits(whole, 1);
  while (decimals > 0 && rest % 10 == 0) {
    rest /= 10;
    decimals--;
  }
  if (decimals > 0) {
    put('.');
    digits(rest, decimals);
  }
  if (exponent > 0) {
    put('e');
    digits(static_cast<unsigned long long>(exponent), 1);
  }
}

}  // namespace tendril
