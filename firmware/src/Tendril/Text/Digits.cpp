#include "Digits.h"

namespace tendril {

namespace {

TENDRIL_ROM_TEXT(kBase64, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

char digitOf(uint32_t value, char ten) { return static_cast<char>(value < 10 ? '0' + value : static_cast<uint32_t>(ten) + value - 10); }

}  // namespace

int8_t hexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<int8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<int8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<int8_t>(c - 'A' + 10);
  return -1;
}

void putHex(Writer& w, Text bytes) {
  for (size_t i = 0; i < bytes.size; i++) {
    const uint8_t b = static_cast<uint8_t>(bytes[i]);
    w.put(digitOf(b >> 4, 'a'));
    w.put(digitOf(b & 15, 'a'));
  }
}

void putMac(Writer& w, const uint8_t mac[6]) {
  for (size_t i = 0; i < 6; i++) {
    if (i > 0) w.put(':');
    w.put(digitOf(mac[i] >> 4, 'A'));
    w.put(digitOf(mac[i] & 15, 'A'));
  }
}

void putAddress(Writer& w, Address address) {
  for (size_t i = 0; i < 4; i++) {
    if (i > 0) w.put('.');
    w.number(address.bytes[i]);
  }
}

void putBase64(Writer& w, Text bytes) {
  for (size_t i = 0; i < bytes.size; i += 3) {
    const size_t some = bytes.size - i < 3 ? bytes.size - i : 3;
    uint32_t bits = 0;
    for (size_t j = 0; j < 3; j++) bits = bits << 8 | (j < some ? static_cast<uint8_t>(bytes[i + j]) : 0u);
    for (size_t j = 0; j <= some; j++) {
      w.put(kBase64[bits >> (18 - 6 * j) & 63]);
    }
  }
}

Percent::Got Percent::push(char& c) {
  if (digits_ > 0) {
    const int8_t digit = hexDigit(c);
    if (digit < 0) return Got::Broken;
    value_ = static_cast<uint8_t>(value_ << 4 | digit);
    if (--digits_ > 0) return Got::More;
    c = static_cast<char>(value_);
    return Got::Byte;
  }
  if (c == '%') {
    digits_ = 2;
    value_ = 0;
    return Got::More;
  }
  if (c == '+' && plusIsSpace_) c = ' ';
  return Got::Byte;
}

}  // namespace tendril
