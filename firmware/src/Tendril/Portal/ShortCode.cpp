#include "ShortCode.h"

#include "../Text/Digits.h"

namespace tendril {

namespace {

// Each guess at a code from a stolen token costs two thousand hashes.
constexpr uint16_t kRounds = 1024;

bool isDigit(char c) { return c >= '0' && c <= '9'; }

// The character of Crockford's base 32 (crockford.com/base32.html) that c is meant
// to be; 0 if c counts for nothing, -1 if it can't be one.
char meant(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (isDigit(c)) return c;
  if (c < 'A' || c > 'Z') return 0;
  if (c == 'I' || c == 'L') return '1';
  if (c == 'O') return '0';
  return c == 'U' ? -1 : c;
}

}  // namespace

bool parseShortCode(Text text, Field<kShortCode>& code) {
  code.clear();
  if (text.size >= kTokenSize) return false;
  for (size_t i = 0; i < text.size; i++) {
    const char c = meant(text[i]);
    if (c == static_cast<char>(-1) || (c != 0 && !code.push(c))) return false;
  }
  return code.size() == kShortCode;
}

void tokenOf(const Field<kShortCode>& code, Board& board, Field<kTokenSize>& token) {
  uint8_t key[kTokenSize / 4 * 3];
  board.pbkdf2(code.text(), "tendril token of code 1", kRounds, key, sizeof key);
  char letters[kTokenSize];
  Writer w(letters, sizeof letters);
  putBase64(w, Text(reinterpret_cast<const char*>(key), sizeof key));
  token.set(w.text());
}

}  // namespace tendril
