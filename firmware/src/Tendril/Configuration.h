// What a wizard hands over: the home network, the token, the cloud.
#pragma once

#include "Config.h"
#include "Text.h"

namespace tendril {

// An IPv4 address, its bytes in network order; all zero is none.
struct Address {
  uint8_t bytes[4] = {0, 0, 0, 0};

  bool isNone() const { return (bytes[0] | bytes[1] | bytes[2] | bytes[3]) == 0; }
  bool operator==(const Address& other) const { return memcmp(bytes, other.bytes, 4) == 0; }
};

// The addresses of a home network without DHCP; dns and dns2 may be none.
struct StaticAddress {
  Address ip, mask, gateway, dns, dns2;
};
// Slots and Edgent's record hold it as it is.
static_assert(sizeof(StaticAddress) == 20, "five addresses and nothing between");

struct Configuration {
  Configuration();  // not inline: it is made in many places

  Field<kMaxSsid> ssid;          // 1 to 32 bytes, any but NUL
  bool hidden = false;           // the network hides its name
  Field<kMaxPassword> password;  // empty: an open network; secret
  Field<kTokenSize> token;       // secret
  Field<kMaxHost> host;          // of the cloud
  uint16_t port = 0;             // the cloud's plain port
  uint16_t tlsPort = 0;
  bool hasStatic = false;
  StaticAddress fixed;
};

// Whether it has a token's form: 32 characters of URL-safe base64.
bool isToken(Text text);

// Which of a configuration's fields can't be, by its name in the portal's form;
// nullptr if all can.
const char* unusable(Text ssid, Text password, Text token, Text host);
inline const char* unusable(const Configuration& c) {
  return unusable(c.ssid.text(), c.password.text(), c.token.text(), c.host.text());
}

}  // namespace tendril
