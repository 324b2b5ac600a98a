// The connection to the cloud: the core's TCP client, and its BearSSL for TLS.
//
// Names are looked up while the loop goes on. Two calls of the core block, since it
// has no others: connecting, at most kConnectMillis, and TLS's handshake, one or two
// seconds of arithmetic, and at most 15 s if the cloud falls silent in it. The
// watchdog is fed meanwhile; the button is not read.
#pragma once
#ifdef ESP8266

#include <ESP8266WiFi.h>
#include <WiFiClientSecure.h>
#include <lwip/dns.h>

#include "../../Tendril/Chip.h"
#include "../../Tendril/Port.h"

namespace tendril {
namespace esp8266 {

constexpr uint32_t kConnectMillis = 5000;
// A record of the cloud's holds 1,024 bytes of frames; its certificates come in one
// of a few thousand.
constexpr int kTlsReceive = 4096, kTlsSend = 512;
// How long the first TLS connection waits for the time of day.
constexpr uint32_t kClockMillis = 8000;

class CloudConnection final : public Connection {
 public:
  explicit CloudConnection(const Wiring& wiring) : wiring_(wiring) {}

  void beginResolve(Text host) override;
  Progress resolve(Code& why) override;
  void beginConnect(Text host, uint16_t port, bool tls) override;
  Progress connect(Code& why) override;
  int read(void* into, size_t size) override;
  int write(const void* data, size_t size) override;
  void close() override;

 private:
  // The core's WiFiClientSecure without its wrapper, whose timeout is out of reach.
  using Secure = BearSSL::WiFiClientSecureCtx;

  static void onName(const char* name, const ip_addr_t* address, void* lookup);
  bool openSecure(Code& why);
  bool clockIsSet() const { return time(nullptr) > static_cast<time_t>(wiring_.builtAt); }

  Wiring wiring_;
  Field<kMaxRedirectHost> host_;
  uint16_t port_ = 0;
  bool tls_ = false;
  bool clockAsked_ = false;
  Millis began_ = 0;

  // Set by lwIP's task, between our ticks. An answer counts for the newest question.
  volatile Progress lookup_ = Progress::Failed;
  uint32_t question_ = 0;
  ip_addr_t resolved_ = {};

  WiFiClient plain_;
  // They take heap, 6 KB of stack for BearSSL included, so they exist while they are
  // needed.
  alignas(Secure) uint8_t room_[sizeof(Secure)] = {};
  Secure* secure_ = nullptr;
  BearSSL::X509List* roots_ = nullptr;
  BearSSL::Session session_;
};

}  // namespace esp8266
}  // namespace tendril

#endif
