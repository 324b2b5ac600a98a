// The head of an update server's answer, byte by byte: whether it is one, how long
// the image is and what its MD5 is.
#pragma once

#include "../Text.h"
#include "Md5.h"

namespace tendril {

class Head {
 public:
  enum class Got : uint8_t { More, Whole, Broken };

  // Takes the next byte. Broken: this is no answer that an update may come of.
  Got take(char c);

  uint16_t status() const { return status_; }
  // Of the body, in bytes; 0: it isn't told.
  uint32_t length() const { return length_; }
  bool hasDigest() const { return hasDigest_; }
  const uint8_t* digest() const { return digest_; }

 private:
  TENDRIL_ONCE bool line(Text text);
  TENDRIL_ONCE bool statusLine(Text text);
  TENDRIL_ONCE bool digestLine(Text value);

  // As much of a line as any that matters has.
  Field<96> line_;
  bool overlong_ = false;
  bool first_ = true;
  bool hasDigest_ = false;
  uint16_t status_ = 0;
  uint16_t taken_ = 0;
  uint32_t length_ = 0;
  uint8_t digest_[Md5::kSize] = {};
};

}  // namespace tendril
