#include "Writer.h"

namespace tendril {

size_t Writer::size() const {
  if (total_ <= skip_) return 0;
  const size_t kept = total_ - skip_;
  return kept < capacity_ ? kept : capacity_;
}

char* Writer::room(size_t size, size_t& from, size_t& some) {
  const size_t at = total_, end = skip_ + capacity_;
  total_ += size;
  from = at < skip_ ? skip_ - at : 0;
  if (from >= size || at >= end) {
    some = 0;
    return nullptr;
  }
  const size_t left = end - (at + from);
  some = size - from < left ? size - from : left;
  return some == 0 ? nullptr : into_ + (at + from - skip_);
}

void Writer::put(char c) { put(Text(&c, 1)); }

void Writer::put(Text text) {
  size_t from = 0, some = 0;
  if (char* to = room(text.size, from, some)) memcpy(to, text.data + from, some);
}

void Writer::put(RomText text) {
  size_t from = 0, some = 0;
  if (char* to = room(text.size(), from, some)) text.read(from, to, some);
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
