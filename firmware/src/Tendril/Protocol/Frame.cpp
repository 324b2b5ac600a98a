#include "Frame.h"

namespace tendril {

FrameHeader parseHeader(const uint8_t from[kFrameHeader]) {
  FrameHeader header;
  header.command = static_cast<Command>(from[0]);
  header.id = static_cast<uint16_t>(from[1] << 8 | from[2]);
  header.length = static_cast<uint16_t>(from[3] << 8 | from[4]);
  return header;
}

void putHeader(uint8_t into[kFrameHeader], const FrameHeader& header) {
  into[0] = static_cast<uint8_t>(header.command);
  into[1] = static_cast<uint8_t>(header.id >> 8);
  into[2] = static_cast<uint8_t>(header.id);
  into[3] = static_cast<uint8_t>(header.length >> 8);
  into[4] = static_cast<uint8_t>(header.length);
}

size_t bodySize(const Text* fields, size_t count) {
  size_t size = count == 0 ? 0 : count - 1;
  for (size_t i = 0; i < count; i++) size += fields[i].size;
  return size;
}

void putFrame(uint8_t* into, Command command, uint16_t id, const Text* fields, size_t count) {
  FrameHeader header;
  header.command = command;
  header.id = id;
  header.length = static_cast<uint16_t>(bodySize(fields, count));
  putHeader(into, header);
  uint8_t* at = into + kFrameHeader;
  for (size_t i = 0; i < count; i++) {
    if (i > 0) *at++ = 0;
    memcpy(at, fields[i].data, fields[i].size);
    at += fields[i].size;
  }
}

bool takeField(Text& body, Text& field) {
  const void* nul = memchr(body.data, 0, body.size);
  if (nul == nullptr) {
    field = body;
    body = Text();
    return false;
  }
  field = body.first(static_cast<size_t>(static_cast<const char*>(nul) - body.data));
  body = body.from(field.size + 1);
  return true;
}

bool parseNumber(Text digits, uint32_t max, uint32_t& into) {
  if (digits.empty()) return false;
  uint32_t number = 0;
  for (size_t i = 0; i < digits.size; i++) {
    const auto digit = static_cast<uint32_t>(digits[i] - '0');
    if (digits[i] < '0' || digits[i] > '9' || number > (max - digit) / 10) return false;
    number = number * 10 + digit;
  }
  into = number;
  return true;
}

bool parsePin(Text digits, uint8_t& pin) {
  uint32_t number = 0;
  if ((digits.size > 1 && digits[0] == '0') || !parseNumber(digits, 255, number)) return false;
  pin = static_cast<uint8_t>(number);
  return true;
}

Digits::Digits(uint16_t number) {
  do {
    digits_[--at_] = static_cast<char>('0' + number % 10);
    number = static_cast<uint16_t>(number / 10);
  } while (number != 0);
}

}  // namespace tendril
