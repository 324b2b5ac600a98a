// MD5 (RFC 1321): what update servers send along. It tells a damaged image from a
// whole one; that nobody has made another one is what TLS is for. Updaters of chips whose
// core has none take this one.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace tendril {

class Md5 {
 public:
  static constexpr size_t kSize = 16;

  void add(const uint8_t* data, size_t size);
  // Ends it.
  void finish(uint8_t into[kSize]);

 private:
  void block(const uint8_t* data);

  uint32_t state_[4] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476};
  uint32_t size_ = 0;
  uint8_t pending_[64] = {};
};

}  // namespace tendril
