#include "Lines.h"

namespace tendril {

uint8_t lineOf(RomText lines, Text word) {
  uint8_t line = 0;
  size_t at = 0;  // in the line; beyond the word once they differ
  for (size_t i = 0;; i++) {
    const char c = lines[i];
    if (c != '\n' && c != 0) {
      at = at < word.size && word[at] == c ? at + 1 : word.size + 1;
      continue;
    }
    if (at == word.size) return line;
    if (c == 0) return kNoLine;
    line++;
    at = 0;
  }
}

void putLine(Writer& w, RomText lines, uint8_t number) {
  for (size_t i = 0; const char c = lines[i]; i++) {
    if (c == '\n') {
      if (number-- == 0) return;
    } else if (number == 0) {
      w.put(c);
    }
  }
}

}  // namespace tendril
