// Bytes as digits: hexadecimal, percent-encoded, base64url.
#pragma once

#include "../Configuration.h"
#include "Writer.h"

namespace tendril {

// What a hexadecimal digit stands for; -1 if it is none.
int8_t hexDigit(char c);

// Two small digits for each byte, or two capitals with a colon between each two.
void putHex(Writer& w, Text bytes);
void putMac(Writer& w, const uint8_t mac[6]);

// An address as in 192.168.1.100.
void putAddress(Writer& w, Address address);

// Base64 with URL-safe letters and without padding (RFC 4648, 5).
void putBase64(Writer& w, Text bytes);

// Undoes the encoding of forms (WHATWG URL, 5.1), byte by byte; with plus as itself,
// that of paths.
class Percent {
 public:
  enum class Got : uint8_t { Byte, More, Broken };

  explicit Percent(bool plusIsSpace = true) : plusIsSpace_(plusIsSpace) {}

  // Takes the next character, and puts a byte into c if that makes one.
  Got push(char& c);
  // Whether no byte is begun and unfinished.
  bool whole() const { return digits_ == 0; }

 private:
  bool plusIsSpace_;
  uint8_t digits_ = 0;  // how many are still to come
  uint8_t value_ = 0;
};

}  // namespace tendril
