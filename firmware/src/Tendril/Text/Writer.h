// Puts bytes into a buffer that has an end. What doesn't fit is counted and left out,
// so that a text may be longer than any buffer: it is made again and again, and each
// time the next part of it is kept.
//
//   char part[64];
//   for (size_t done = 0;;) {
//     Writer w(part, sizeof part, done);
//     make(w);
//     done += send(w.text());
//     if (done == w.total()) break;
//   }
#pragma once

#include "../Rom.h"
#include "../Text.h"

namespace tendril {

class Writer {
 public:
  // Keeps what comes after the first skip bytes. A buffer of no bytes only counts.
  Writer(char* into, size_t capacity, size_t skip = 0) : into_(into), capacity_(capacity), skip_(skip) {}

  void put(char c);
  void put(Text text);
  // A C string is not meant to be taken for a boolean or a character.
  void put(const char* text) { put(Text(text)); }
  void put(RomText text);
  void put(const RomBytes& bytes);
  void number(int32_t value);

  // What is in the buffer.
  Text text() const { return Text(into_, size()); }
  size_t size() const;
  // All that was put, kept or not.
  size_t total() const { return total_; }
  // Whether something was left out behind what was kept.
  bool overflow() const { return total_ > skip_ + capacity_; }

 private:
  char* into_;
  size_t capacity_;
  size_t skip_;
  size_t total_ = 0;
};

}  // namespace tendril
