// UTF-8 (RFC 3629): the shortest form, no surrogates, nothing beyond U+10FFFF.
#pragma once

#include "../Text.h"

namespace tendril {

// Looks at a text byte by byte.
class Utf8 {
 public:
  // False at a byte that can't be there; from then on nothing means anything.
  bool push(char c);
  // Whether no character is begun and unfinished.
  bool whole() const { return left_ == 0; }

 private:
  uint8_t left_ = 0;  // bytes that the character still needs
  uint8_t low_ = 0x80, high_ = 0xBF;  // and what the next may be
};

// How many bytes the character at i has; 0 where none begins.
size_t utf8Size(Text text, size_t i);

bool isUtf8(Text text);

// The bytes of a character, which is no surrogate; it says how many.
size_t utf8Put(uint32_t character, char into[4]);

}  // namespace tendril
