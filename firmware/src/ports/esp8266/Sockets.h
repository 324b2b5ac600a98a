// The setup network's sockets.
#pragma once
#ifdef ESP8266

#include <ESP8266WiFi.h>
#include <WiFiUdp.h>

#include "../../Tendril/Port.h"

namespace tendril {
namespace esp8266 {

class PortalSockets final : public SetupSockets {
 public:
  PortalSockets() : server_(kPort) {}

  bool open() override;
  void close() override;
  Address address() override;
  uint16_t port() override;
  bool accept(uint8_t i) override;
  Address peer(uint8_t i) override;
  int read(uint8_t i, void* into, size_t size) override;
  int write(uint8_t i, const void* data, size_t size) override;
  void drop(uint8_t i) override;
  size_t readName(void* into, size_t size) override;
  void writeName(const void* data, size_t size) override;

 private:
  static constexpr uint16_t kPort = 80, kNamePort = 53;

  WiFiServer server_;
  WiFiClient clients_[kClients];
  WiFiUDP names_;
};

}  // namespace esp8266
}  // namespace tendril

#endif
