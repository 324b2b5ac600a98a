// The connection to the cloud: lwIP's sockets, and mbedTLS for TLS. Nothing blocks; a
// step of TLS's handshake takes up to some hundred milliseconds of arithmetic.
#pragma once
#ifdef ESP32

#include <lwip/dns.h>
#include <time.h>

#include <atomic>

#include "../../Tendril/Chip.h"
#include "../../Tendril/Port.h"

namespace tendril {
namespace esp32 {

struct Tls;

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
  enum class Step : uint8_t { Failed, Clock, Tcp, Handshake, Open };

  static int ask(void* self);
  static void onName(const char* name, const ip_addr_t* address, void* question);
  bool clockIsSet() const { return time(nullptr) > static_cast<time_t>(wiring_.builtAt); }
  bool openSocket();
  Progress connectSocket(Code& why);

  Wiring wiring_;
  Field<kMaxRedirectHost> host_;
  uint16_t port_ = 0;
  bool tls_ = false;
  bool clockAsked_ = false;
  Step step_ = Step::Failed;
  Millis began_ = 0;
  int socket_ = -1;
  Tls* secure_ = nullptr;  // on the heap, while it is needed

  // Set by lwIP's task. An answer counts for the newest question.
  std::atomic<Progress> lookup_{Progress::Failed};
  std::atomic<uint32_t> question_{0};
  std::atomic<uint32_t> resolved_{0};  // in network order
};

}  // namespace esp32
}  // namespace tendril

#endif
