#include "Writer.h"

namespace tendril {

size_t Writer::size() const {
  if (total_ <= skip_) return 0;
  const size_t kept = total_ - skip_;
  return kept < capacity_ ? kept : capacity_;
}

void Writer::put(char c) {
  // What is to be skipped is, unsigned, beyond every capacity.
  const size_t at = total_ - skip_;
  if (at < capacity_) into_[at] = c;
  total_++;
}

void Writer::put(Text text) {
  for (size_t i = 0; i < text.size; i++) put(text[i]);
}

void Writer::put(RomText text) {
  for (size_t i = 0; text[i] != 0; i++) put(text[i]);
}

void Writer::put(const RomBytes& rom) {
  for (size_t i = 0; i < rom.size; i++) put(rom.bytes[i]);
}

void Writer::number(int32_t value) {
  char digits[11];
  size_t at = sizeof digits;
  uint32_t left = value < 0 ? 0 - static_cast<uint32_t>(value) : static_cast<uint32_t>(value);
  do {
    digits[--at] = static_cast<char>('0' + left % 10);
    left /= 10;
  } while (left != 0);
  if (value < 0) digits[--at] = '-';
  put(Text(digits + at, sizeof digits - at));
}

}  // namespace tendril
