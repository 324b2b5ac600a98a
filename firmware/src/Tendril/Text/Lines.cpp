#include "Lines.h"

namespace tendril {

uint8_t lineOf(RomText lines, Text word) {
  char part[16];
  uint8_t line = 0;
  size_t at = 0;  // in the line; beyond the word once they differ
  for (size_t offset = 0;;) {
    const size_t n = lines.read(offset, part, sizeof part);
    for (size_t i = 0; i < n; i++) {
      if (part[i] == '\n') {
        if (at == word.size) return line;
        line++;
        at = 0;
      } else {
        at = at < word.size && word[at] == part[i] ? at + 1 : word.size + 1;
      }
    }
    if (n == 0) return at == word.size ? line : kNoLine;
    offset += n;
  }
}

void putLine(Writer& w, RomText lines, uint8_t number) {
  char c = 0;
  uint8_t line = 0;
  for (size_t offset = 0; line <= number && lines.read(offset, &c, 1) == 1; offset++) {
    if (c == '\n') {
      line++;
    } else if (line == number) {
      w.put(c);
    }
  }
}

}  // namespace tendril
