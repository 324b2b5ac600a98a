// WiFi by the ESP8266 core. The SDK's own memory of networks is not used: it would
// join behind our back.
#pragma once
#ifdef ESP8266

#include <ESP8266WiFi.h>

#include "../../Tendril/Port.h"

namespace tendril {
namespace esp8266 {

class WifiRadio final : public Radio {
 public:
  // Call it once the SDK runs: in setup, not before.
  void begin();

  void mac(uint8_t into[6]) override;
  void beginScan() override;
  Progress scan() override;
  uint16_t found() override;
  bool foundAt(uint16_t i, Network& into) override;
  bool openSetup(Text ssid, Text passphrase) override;
  void closeSetup() override;
  void beginJoin(const Configuration& configuration) override;
  Progress join(bool& associated, Code& why) override;
  bool joined() override;
  Address address() override;
  int8_t rssi() override;
  void leave() override;

 private:
  WiFiEventHandler onConnected_, onDisconnected_;
  // Set by the SDK's task, between our ticks.
  volatile bool associated_ = false;
  volatile uint8_t reason_ = 0;
  bool joining_ = false;
};

}  // namespace esp8266
}  // namespace tendril

#endif
