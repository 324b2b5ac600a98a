// Bytes with their length. Foreign bytes have no end of their own: nothing here
// looks for a NUL, but where a chip's own API hands out C strings.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Declares a function that has one caller, in the same file, whose part it becomes: on
// small chips a call and what it saves and restores cost some twenty bytes.
#define TENDRIL_ONCE inline __attribute__((always_inline))

namespace tendril {

// Some bytes of somebody else's memory, to be read. It lives no longer than they do.
struct Text {
  const char* data = "";
  size_t size = 0;

  constexpr Text() = default;
  constexpr Text(const char* d, size_t n) : data(d), size(n) {}
  // A literal, or a C string that a chip's API hands out.
  __attribute__((always_inline)) Text(const char* literal) : data(literal), size(__builtin_strlen(literal)) {}

  bool empty() const { return size == 0; }
  // Two of the most frequent calls: they aren't worth their bytes where they are made.
  __attribute__((noinline)) bool operator==(Text other) const { return size == other.size && memcmp(data, other.data, size) == 0; }
  bool operator!=(Text other) const { return !(*this == other); }
  char operator[](size_t i) const { return data[i]; }
  __attribute__((noinline)) bool startsWith(Text head) const { return size >= head.size && memcmp(data, head.data, head.size) == 0; }
  // The rest from i on; empty beyond the end.
  Text from(size_t i) const { return i < size ? Text(data + i, size - i) : Text(); }
  // The first n bytes, or all.
  Text first(size_t n) const { return Text(data, n < size ? n : size); }
};

// Up to N bytes of one's own, with their length. Any byte may be among them.
template <size_t N>
class Field {
  static_assert(N < 256, "its length is one byte");

 public:
  static constexpr size_t kCapacity = N;

  // The bytes stay as they are: zeroing them all cost a kilobyte of code.
  // cppcheck-suppress uninitMemberVar
  Field() : size_(0) {}

  // False, and nothing changed, if it is too long.
  bool set(Text text) {
    if (text.size > N) return false;
    memcpy(data_, text.data, text.size);
    size_ = static_cast<uint8_t>(text.size);
    return true;
  }
  bool push(char c) {
    if (size_ == N) return false;
    data_[size_++] = c;
    return true;
  }
  void clear() { size_ = 0; }
  // Overwrites what was there, too: for what is secret.
  void wipe() {
    volatile char* p = data_;
    for (size_t i = 0; i < N; i++) p[i] = 0;
    size_ = 0;
  }
  Text text() const { return Text(data_, size_); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // The bytes with a NUL behind them, for a chip's API; wrong for those that hold one.
  const char* c_str() {
    data_[size_] = 0;
    return data_;
  }
  bool operator==(const Field& other) const { return text() == other.text(); }

 private:
  char data_[N + 1];
  uint8_t size_;
};

}  // namespace tendril
