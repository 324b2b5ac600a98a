// Numbers as the cloud reads them, without printf, which costs a small chip more than
// all of this.
#pragma once

#include "../Text.h"

namespace tendril {

// The text of one number, and where it is.
class Number {
 public:
  explicit Number(long value) { write(static_cast<long long>(value)); }
  explicit Number(long long value) { write(value); }
  explicit Number(unsigned long long value) { write(value, false); }
  // Up to `decimals` (at most 9) behind the point, rounded, without zeros at the end;
  // beyond 10^15 with an exponent. What is no number is an empty text.
  explicit Number(double value, uint8_t decimals = 6) { write(value, decimals); }

  Text text() const { return Text(bytes_, size_); }

 private:
  void write(long long value);
  void write(unsigned long long magnitude, bool negative);
  void write(double value, uint8_t decimals);
  void put(char c) { bytes_[size_++] = c; }
  void digits(unsigned long long value);

  // A sign, 20 digits, a point, 9 decimals and an exponent.
  char bytes_[40];
  uint8_t size_ = 0;
};

}  // namespace tendril
