// WiFi by the ESP32 core. The driver's own memory of networks is not used: it would
// join behind our back.
#pragma once
#ifdef ESP32

#include <WiFi.h>

#include <atomic>

#include "../../Tendril/Port.h"

namespace tendril {
namespace esp32 {

class WifiRadio final : public Radio {
 public:
  // Call it in setup, not before.
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
  // Set by the task of events.
  std::atomic<bool> associated_{false};
  std::atomic<uint8_t> reason_{0};
  bool joining_ = false;
};

}  // namespace esp32
}  // namespace tendril

#endif
