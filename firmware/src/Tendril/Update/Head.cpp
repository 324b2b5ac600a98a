#include "Head.h"

#include "../Protocol/Frame.h"
#include "../Text/Digits.h"

namespace tendril {

namespace {

// Longer heads are no update server's.
constexpr uint16_t kMaxHead = 4096;
constexpr uint32_t kMaxLength = 64u << 20;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// Whether a header line is of that name, which is in small letters; value is what
// is behind the colon then, without blanks around it.
bool isNamed(Text line, Text name, Text& value) {
  if (line.size <= name.size || line[name.size] != ':') return false;
  for (size_t i = 0; i < name.size; i++) {
    if (lower(line[i]) != name[i]) return false;
  }
  value = line.from(name.size + 1);
  while (!value.empty() && (value[0] == ' ' || value[0] == '\t')) value = value.from(1);
  while (!value.empty() && (value[value.size - 1] == ' ' || value[value.size - 1] == '\t')) value = value.first(value.size - 1);
  return true;
}

}  // namespace

Head::Got Head::take(char c) {
  if (++taken_ > kMaxHead) return Got::Broken;
  if (c != '\n') {
    if (!line_.push(c)) overlong_ = true;
    return Got::More;
  }
  Text text = line_.text();
  if (!text.empty() && text[text.size - 1] == '\r') text = text.first(text.size - 1);
  if (text.empty() && !first_) return Got::Whole;
  // What is too long for us is nothing that we look for, but where it begins as such.
  if (!line(text)) return Got::Broken;
  line_.clear();
  overlong_ = first_ = false;
  return Got::More;
}

bool Head::line(Text text) {
  if (first_) return statusLine(text);
  Text value;
  uint32_t length = 0;
  if (isNamed(text, "content-length", value)) {
    if (overlong_ || !parseNumber(value, kMaxLength, length) || (length_ != 0 && length_ != length)) return false;
    length_ = length;
  } else if (isNamed(text, "x-md5", value)) {
    return !overlong_ && digestLine(value);
  } else if (isNamed(text, "transfer-encoding", value) || isNamed(text, "content-encoding", value)) {
    // The image would come wrapped, which HTTP/1.0 didn't ask for.
    return value == "identity";
  }
  return true;
}

// "HTTP/1.1 200 OK", and the words behind may be anything.
bool Head::statusLine(Text text) {
  uint32_t status = 0;
  if (text.size < 12 || !text.startsWith("HTTP/1.") || text[8] != ' ' || (text.size > 12 && text[12] != ' ')) return false;
  if (!parseNumber(text.from(9).first(3), 999, status)) return false;
  status_ = static_cast<uint16_t>(status);
  return true;
}

bool Head::digestLine(Text value) {
  if (value.size != 2 * Md5::kSize) return false;
  uint8_t digest[Md5::kSize];
  for (size_t i = 0; i < Md5::kSize; i++) {
    const int8_t high = hexDigit(value[2 * i]);
    const int8_t low = hexDigit(value[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    digest[i] = static_cast<uint8_t>(high << 4 | low);
  }
  // Two that differ can't both be right.
  if (hasDigest_ && memcmp(digest, digest_, sizeof digest) != 0) return false;
  memcpy(digest_, digest, sizeof digest);
  hasDigest_ = true;
  return true;
}

}  // namespace tendril
