#include "Edgent.h"

namespace tendril {

namespace {

constexpr uint32_t kMagic = 0x626C6E6B;
constexpr size_t kFlags = 19;
constexpr size_t kSsid = 20;
constexpr size_t kPassword = 54;
constexpr size_t kToken = 118;
constexpr size_t kHost = 152;
constexpr size_t kPort = 186;
constexpr size_t kAddresses = 188;
constexpr size_t kLastError = 208;

constexpr uint8_t kValid = 1;
constexpr uint8_t kStatic = 2;

uint32_t number(const uint8_t* p) {
  return static_cast<uint32_t>(p[0]) | static_cast<uint32_t>(p[1]) << 8 | static_cast<uint32_t>(p[2]) << 16 | static_cast<uint32_t>(p[3]) << 24;
}

// The text up to its NUL; all of the room if there is none, which is too long.
Text text(const uint8_t* from, size_t room) {
  const void* end = memchr(from, 0, room);
  const size_t size = end == nullptr ? room : static_cast<size_t>(static_cast<const uint8_t*>(end) - from);
  return {reinterpret_cast<const char*>(from), size};
}

}  // namespace

EdgentRecord readEdgent(const uint8_t record[kEdgentRecord], Configuration& into, Code& lastError) {
  if (number(record) != kMagic) return EdgentRecord::None;
  const uint32_t code = number(record + kLastError);
  lastError = code <= 0xFFFF ? static_cast<Code>(code) : Code::None;
  if ((record[kFlags] & kValid) == 0) return EdgentRecord::Waiting;

  into = Configuration();
  const bool fits = into.ssid.set(text(record + kSsid, kPassword - kSsid)) && into.password.set(text(record + kPassword, kToken - kPassword)) &&
                    into.token.set(text(record + kToken, kHost - kToken)) && into.host.set(text(record + kHost, kPort - kHost));
  if (!fits || unusable(into) != nullptr) return EdgentRecord::Waiting;
  into.tlsPort = static_cast<uint16_t>(number(record + kPort));
  if ((record[kFlags] & kStatic) != 0) {
    into.hasStatic = true;
    memcpy(&into.fixed, record + kAddresses, sizeof into.fixed);
  }
  return EdgentRecord::Valid;
}

}  // namespace tendril
