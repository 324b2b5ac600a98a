// Constants that stay in flash. The ESP8266 copies all others into its RAM before
// the program starts, and reads flash by whole, aligned words only: whoever reads a
// byte there gets an exception. So what is large is marked, and read through here;
// on other chips it is memory like any.
//
//   TENDRIL_ROM_TEXT(kGreeting, "Hello");
//   writer.put(kGreeting);
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

namespace tendril {

// A text that ends with its first NUL. It is where it is, and no longer than a pointer.
class RomText {
 public:
  // At an address that is a multiple of 4.
  constexpr explicit RomText(const void* bytes) : bytes_(bytes) {}

  // The i-th byte, by the word that it is in.
  char operator[](size_t i) const {
    const uint32_t word = static_cast<const volatile Word*>(bytes_)[i / 4];
    return reinterpret_cast<const char*>(&word)[i % 4];
  }

 private:
  // Volatile, so that no compiler makes reads of single bytes of it.
  using Word = uint32_t __attribute__((may_alias));

  const void* bytes_;
};

// The bytes of a RomText.
template <size_t N>
struct RomLiteral {
  char bytes[N];

  constexpr operator RomText() const { return RomText(bytes); }
  char operator[](size_t i) const { return RomText(*this)[i]; }
};

// Declares a constant text without NULs in flash, at namespace scope. Its last word is
// filled up with NULs, of which there is at least one.
#define TENDRIL_ROM_TEXT(name, literal) \
  alignas(4) static const ::tendril::RomLiteral<(sizeof(literal) + 3) / 4 * 4> name TENDRIL_ROM = {literal}

// Bytes of any kind, with what is up to the next whole word there to be read.
struct RomBytes {
  RomText bytes;
  size_t size;
};

}  // namespace tendril
