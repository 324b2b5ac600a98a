// Constants that stay in flash. The ESP8266 copies all others into its RAM before
// the program starts, and reads flash by whole, aligned words only: whoever reads a
// byte there gets an exception. So what is large is marked, and read through here;
// on other chips it is memory like any.
//
//   TENDRIL_ROM_TEXT(kGreeting, "Hello");
//   char buffer[8];
//   size_t n = kGreeting.read(0, buffer, sizeof buffer);
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef TENDRIL_ROM
#ifdef ESP8266
#include <pgmspace.h>
#define TENDRIL_ROM PROGMEM
#else
#define TENDRIL_ROM
#endif
#endif

// Declares a constant text in flash, at namespace scope. The bytes up to a whole word
// are zeros.
#define TENDRIL_ROM_TEXT(name, literal)                                                          \
  alignas(4) static const char name##InFlash[(sizeof(literal) + 3) / 4 * 4] TENDRIL_ROM = literal; \
  static constexpr ::tendril::RomText name(name##InFlash, sizeof(literal) - 1)

namespace tendril {

class RomText {
 public:
  // Of size bytes at an address that is a multiple of 4, with what is up to the next
  // multiple of 4 there to be read.
  constexpr RomText(const void* bytes, size_t size) : bytes_(bytes), size_(size) {}

  size_t size() const { return size_; }

  // Copies from offset on, and says how many bytes there were: 0 at the end.
  size_t read(size_t offset, void* into, size_t capacity) const {
    const size_t n = offset >= size_ ? 0 : size_ - offset < capacity ? size_ - offset : capacity;
    uint8_t* out = static_cast<uint8_t*>(into);
    const volatile Word* words = static_cast<const volatile Word*>(bytes_);
    for (size_t done = 0; done < n;) {
      const size_t at = offset + done, within = at % 4;
      const uint32_t word = words[at / 4];
      const size_t part = 4 - within < n - done ? 4 - within : n - done;
      memcpy(out + done, reinterpret_cast<const uint8_t*>(&word) + within, part);
      done += part;
    }
    return n;
  }

 private:
  // Volatile, so that no compiler makes reads of single bytes of it.
  using Word = uint32_t __attribute__((may_alias));

  const void* bytes_;
  size_t size_;
};

}  // namespace tendril
