// The setup network's sockets, by lwIP.
#pragma once
#ifdef ESP32

#include <lwip/sockets.h>

#include "../../Tendril/Port.h"

namespace tendril {
namespace esp32 {

class PortalSockets final : public SetupSockets {
 public:
  bool open() override;
  void close() override;
  Address address() override;
  uint16_t port() override { return kPort; }
  bool accept(uint8_t i) override;
  Address peer(uint8_t i) override { return peers_[i]; }
  int read(uint8_t i, void* into, size_t size) override;
  int write(uint8_t i, const void* data, size_t size) override;
  void drop(uint8_t i) override;
  size_t readName(void* into, size_t size) override;
  void writeName(const void* data, size_t size) override;

 private:
  static constexpr uint16_t kPort = 80, kNamePort = 53;

  int server_ = -1;
  int names_ = -1;
  int clients_[kClients] = {-1, -1, -1, -1};
  Address peers_[kClients];
  struct sockaddr_in asker_ = {};
};

}  // namespace esp32
}  // namespace tendril

#endif
