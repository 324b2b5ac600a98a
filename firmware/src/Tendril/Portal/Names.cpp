#include "Names.h"

namespace tendril {

namespace {

constexpr size_t kHeader = 12;
// Of a name with the length of each label (RFC 1035, 3.1).
constexpr size_t kMaxName = 255;

// A message that is read from its begin to its end.
struct Reader {
  const uint8_t* bytes;
  size_t size;
  size_t at = 0;

  bool skip(size_t n) {
    if (size - at < n) return false;
    at += n;
    return true;
  }
  bool number(uint16_t& n) {
    if (!skip(2)) return false;
    n = static_cast<uint16_t>(bytes[at - 2] << 8 | bytes[at - 1]);
    return true;
  }
  // Records' names may end with a pointer to an earlier one; the question's, before
  // which there is none, may not.
  bool name(bool pointers) {
    const size_t begin = at;
    for (;;) {
      if (at == size) return false;
      const uint8_t length = bytes[at++];
      if (length == 0) return at - begin <= kMaxName;
      if (length >= 0xC0) return pointers && skip(1);
      if (length > 63 || !skip(length)) return false;
    }
  }
};

// Records are looked at for their form alone.
bool skipRecords(Reader& r, uint32_t count) {
  for (; count > 0; count--) {
    uint16_t length = 0;
    if (!r.name(true) || !r.skip(8) || !r.number(length) || !r.skip(length)) return false;
  }
  return true;
}

}  // namespace

size_t answerName(uint8_t* message, size_t size, Address portal) {
  constexpr uint8_t kResponse = 0x80, kOpcode = 0x78, kAuthoritative = 0x04, kRecursionDesired = 0x01;
  constexpr uint8_t kRecursionAvailable = 0x80;
  constexpr uint16_t kTypeA = 1, kTypeAny = 255, kInternet = 1;
  if (size > kMaxQuestion || size < kHeader) return 0;
  Reader r{message, size};
  uint16_t flags = 0, questions = 0, answers = 0, authorities = 0, additionals = 0, type = 0, network = 0;
  r.skip(2);
  r.number(flags);
  r.number(questions);
  r.number(answers);
  r.number(authorities);
  r.number(additionals);
  if ((flags >> 8 & (kResponse | kOpcode)) != 0 || questions != 1) return 0;
  if (!r.name(false)) return 0;
  const bool root = r.at == kHeader + 1;
  if (!r.number(type) || !r.number(network)) return 0;
  const size_t end = r.at;
  if (!skipRecords(r, uint32_t{answers} + authorities + additionals)) return 0;

  const bool found = network == kInternet && (type == kTypeA || type == kTypeAny);
  message[2] = static_cast<uint8_t>(kResponse | kAuthoritative | (message[2] & kRecursionDesired));
  message[3] = kRecursionAvailable;
  memset(message + 6, 0, 6);
  if (!found) return end;
  message[7] = 1;
  uint8_t* to = message + end;
  if (root) {
    *to++ = 0;
  } else {
    *to++ = 0xC0;  // the name is where the question has it
    *to++ = kHeader;
  }
  const uint8_t record[] = {0, kTypeA, 0, kInternet, 0, 0, 0, 0, 0, 4};
  memcpy(to, record, sizeof record);
  memcpy(to + sizeof record, portal.bytes, 4);
  return static_cast<size_t>(to - message) + sizeof record + 4;
}

}  // namespace tendril
