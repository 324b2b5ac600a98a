#include "Payload.h"

namespace tendril {

namespace {

constexpr uint8_t kHidden = 1;
constexpr uint8_t kStatic = 2;

// Takes bytes off the front; once there are too few, all that it gives is empty.
class Taker {
 public:
  Taker(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  const uint8_t* take(size_t n) {
    if (n > size_) ok_ = false;
    if (!ok_) return nullptr;
    const uint8_t* taken = data_;
    data_ += n;
    size_ -= n;
    return taken;
  }
  uint8_t byte() {
    const uint8_t* p = take(1);
    return p == nullptr ? 0 : *p;
  }
  uint16_t number() {
    const uint8_t* p = take(2);
    return static_cast<uint16_t>(p == nullptr ? 0 : p[0] | p[1] << 8);
  }
  Text text() {
    const size_t n = byte();
    const uint8_t* p = take(n);
    return p == nullptr ? Text() : Text(reinterpret_cast<const char*>(p), n);
  }
  // Whether there was enough, and nothing is left.
  bool over() const { return ok_ && size_ == 0; }

 private:
  const uint8_t* data_;
  size_t size_;
  bool ok_ = true;
};

uint8_t* put(uint8_t* at, Text text) {
  *at++ = static_cast<uint8_t>(text.size);
  memcpy(at, text.data, text.size);
  return at + text.size;
}

uint8_t* put(uint8_t* at, uint16_t number) {
  *at++ = static_cast<uint8_t>(number);
  *at++ = static_cast<uint8_t>(number >> 8);
  return at;
}

}  // namespace

size_t encode(const Configuration& from, uint8_t into[kMaxPayload]) {
  if (unusable(from) != nullptr) return 0;
  uint8_t* at = into;
  *at++ = static_cast<uint8_t>((from.hidden ? kHidden : 0) | (from.hasStatic ? kStatic : 0));
  at = put(at, from.ssid.text());
  at = put(at, from.password.text());
  at = put(at, from.token.text());
  at = put(at, from.host.text());
  at = put(at, from.port);
  at = put(at, from.tlsPort);
  if (from.hasStatic) {
    memcpy(at, &from.fixed, sizeof from.fixed);
    at += sizeof from.fixed;
  }
  return static_cast<size_t>(at - into);
}

bool decode(const uint8_t* payload, size_t size, Configuration* into) {
  Taker taker(payload, size);
  const uint8_t bits = taker.byte();
  const Text ssid = taker.text();
  const Text password = taker.text();
  const Text token = taker.text();
  const Text host = taker.text();
  const uint16_t port = taker.number();
  const uint16_t tlsPort = taker.number();
  const uint8_t* fixed = (bits & kStatic) != 0 ? taker.take(sizeof(StaticAddress)) : nullptr;
  if (!taker.over() || (bits & ~(kHidden | kStatic)) != 0 || unusable(ssid, password, token, host) != nullptr) return false;
  if (into == nullptr) return true;
  *into = Configuration();
  into->hidden = (bits & kHidden) != 0;
  into->port = port;
  into->tlsPort = tlsPort;
  if (fixed != nullptr) {
    into->hasStatic = true;
    memcpy(&into->fixed, fixed, sizeof into->fixed);
  }
  return into->ssid.set(ssid) && into->password.set(password) && into->token.set(token) && into->host.set(host);
}

}  // namespace tendril
