#include "Digits.h"
#include "Json.h"
#include "Lines.h"

namespace tendril {

namespace {

TENDRIL_ROM_TEXT(kReplacement, "\xEF\xBF\xBD");
TENDRIL_ROM_TEXT(kLineSeparator, "\\u2028");
TENDRIL_ROM_TEXT(kParagraphSeparator, "\\u2029");

// In the order of Member.
TENDRIL_ROM_TEXT(kMembers,
                 "board\ntmpl_id\nfw_type\nfw_ver\nbuild\nvendor\nname\nssid\nssid_hex\nbssid\nmac\nlast_error\nwifi_scan\nstatic_ip\n"
                 "configured\nwizards\nshort_code\nrssi\nsec\nch\nhidden\nstatus\nmsg\nfield\nhint\nip\nsetup_ssid\nuptime_s\n"
                 "reset_reason\nstate");

// The letters of escapes, each with its character.
TENDRIL_ROM_TEXT(kEscapes, "\"\"\\\\b\bf\fn\nr\rt\t");

char partner(char c, size_t side) {
  for (size_t i = 0; kEscapes[i] != 0; i += 2) {
    if (kEscapes[i + side] == c) return kEscapes[i + 1 - side];
  }
  return 0;
}

void putByte(Writer& w, char c) {
  if (const char letter = escapeOf(c)) {
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

char escapeOf(char character) { return partner(character, 1); }
char escaped(char letter) { return partner(letter, 0); }

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

JsonObject::JsonObject(Writer& w) : w_(w) { w.put('{'); }

void JsonObject::name(Member name) {
  if (!first_) w_.put(',');
  first_ = false;
  w_.put('"');
  putLine(w_, kMembers, static_cast<uint8_t>(name));
  w_.put("\":");
}

void JsonObject::open(Member n) {
  name(n);
  w_.put('"');
}

void JsonObject::text(Member n, Text value) {
  name(n);
  putJson(w_, value);
}

void JsonObject::number(Member n, int32_t value) {
  name(n);
  w_.number(value);
}

void JsonObject::boolean(Member n, bool value) {
  name(n);
  w_.put(value ? "true" : "false");
}

}  // namespace tendril
