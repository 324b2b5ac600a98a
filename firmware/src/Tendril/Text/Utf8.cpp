#include "Utf8.h"

namespace tendril {

bool Utf8::push(char c) {
  const uint8_t b = static_cast<uint8_t>(c);
  if (left_ > 0) {
    if (b < low_ || b > high_) return false;
    left_--;
    low_ = 0x80;
    high_ = 0xBF;
    return true;
  }
  if (b < 0x80) return true;
  if (b < 0xC2 || b > 0xF4) return false;
  left_ = b < 0xE0 ? 1 : b < 0xF0 ? 2 : 3;
  if (b == 0xE0) low_ = 0xA0;   // else shorter forms would do
  if (b == 0xED) high_ = 0x9F;  // surrogates
  if (b == 0xF0) low_ = 0x90;
  if (b == 0xF4) high_ = 0x8F;  // beyond U+10FFFF
  return true;
}

size_t utf8Size(Text text, size_t i) {
  Utf8 character;
  for (size_t n = 1; i + n <= text.size; n++) {
    if (!character.push(text[i + n - 1])) return 0;
    if (character.whole()) return n;
  }
  return 0;
}

bool isUtf8(Text text) {
  Utf8 characters;
  for (size_t i = 0; i < text.size; i++) {
    if (!characters.push(text[i])) return false;
  }
  return characters.whole();
}

size_t utf8Put(uint32_t character, char into[4]) {
  const size_t more = character < 0x80 ? 0 : character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
  if (more == 0) {
    into[0] = static_cast<char>(character);
    return 1;
  }
  into[0] = static_cast<char>((0xFFu << (7 - more) & 0xFF) | character >> (6 * more));
  for (size_t i = 1; i <= more; i++) into[i] = static_cast<char>(0x80 | (character >> (6 * (more - i)) & 0x3F));
  return more + 1;
}

}  // namespace tendril
