#include "Digits.h"
#include "Json.h"

namespace tendril {

namespace {

TENDRIL_ROM_TEXT(kReplacement, "\xEF\xBF\xBD");
TENDRIL_ROM_TEXT(kLineSeparator, "\\u2028");
TENDRIL_ROM_TEXT(kParagraphSeparator, "\\u2029");
TENDRIL_ROM_TEXT(kTrue, "true");
TENDRIL_ROM_TEXT(kFalse, "false");

// The letter that stands behind a backslash for c; 0 if there is none.
char shortEscape(char c) {
  switch (c) {
    case '"':
    case '\\':
      return c;
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

void putByte(Writer& w, char c) {
  if (const char letter = shortEscape(c)) {
    w.put('\\');
    w.put(letter);
    return;
  }
  const uint8_t b = static_cast<uint8_t>(c);
  if (b >= 0x20 && c != '<' && c != '>' && c != '&') {
    w.put(c);
    return;
  }
  w.put("\\u00");
  putHex(w, Text(&c, 1));
}

}  // namespace

void putJson(Writer& w, Text text) {
  w.put('"');
  bool broken = false;
  for (size_t i = 0; i < text.size;) {
    const size_t n = utf8Size(text, i);
    if (n == 0) {
      if (!broken) w.put(kReplacement);
      broken = true;
      i++;
      continue;
    }
    broken = false;
    const Text character = text.from(i).first(n);
    if (n == 1) {
      putByte(w, character[0]);
    } else if (character == Text("\xE2\x80\xA8")) {
      w.put(kLineSeparator);
    } else if (character == Text("\xE2\x80\xA9")) {
      w.put(kParagraphSeparator);
    } else {
      w.put(character);
    }
    i += n;
  }
  w.put('"');
}

void JsonObject::name(RomText name) {
  if (!first_) w_.put(',');
  first_ = false;
  w_.put('"');
  w_.put(name);
  w_.put("\":");
}

void JsonObject::text(RomText n, Text value) {
  name(n);
  putJson(w_, value);
}

void JsonObject::text(RomText n, RomText value) {
  name(n);
  w_.put('"');
  w_.put(value);
  w_.put('"');
}

void JsonObject::number(RomText n, int32_t value) {
  name(n);
  w_.number(value);
}

void JsonObject::boolean(RomText n, bool value) {
  name(n);
  w_.put(value ? kTrue : kFalse);
}

}  // namespace tendril
