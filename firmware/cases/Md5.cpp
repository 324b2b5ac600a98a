#include "Tendril/Update/Md5.h"

#include <string.h>

#include "Case.h"

using tendril::Md5;

// The test suite of RFC 1321, A.5.
CASE(md5_of_the_rfc) {
  static const struct {
    const char* text;
    const char* digest;
  } kRows[] = {
      {"", "d41d8cd98f00b204e9800998ecf8427e"},
      {"a", "0cc175b9c0f1b6a831c399e269772661"},
      {"abc", "900150983cd24fb0d6963f7d28e17f72"},
      {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
      {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
      {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"},
      {"12345678901234567890123456789012345678901234567890123456789012345678901234567890", "57edf4a22be3c955ac49da2e2107b67a"},
  };
  for (const auto& row : kRows) {
    Md5 md5;
    for (const char* p = row.text; *p != 0; p++) md5.add(reinterpret_cast<const uint8_t*>(p), 1);
    uint8_t digest[Md5::kSize];
    md5.finish(digest);
    for (size_t i = 0; i < Md5::kSize; i++) {
      const auto digit = [&](size_t at) { return row.digest[at] <= '9' ? row.digest[at] - '0' : row.digest[at] - 'a' + 10; };
      CHECK_EQ(digest[i], digit(2 * i) * 16 + digit(2 * i + 1));
    }
  }
}
