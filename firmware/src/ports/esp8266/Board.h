// Button, light, serial line, chance and restart of an ESP8266 board.
#pragma once
#ifdef ESP8266

#include "../../Tendril/Chip.h"
#include "../../Tendril/Port.h"

namespace tendril {
namespace esp8266 {

class Esp8266Board final : public Board {
 public:
  explicit Esp8266Board(const Wiring& wiring) : wiring_(wiring) {}
  void begin();

  uint32_t random() override;
  void restart() override;
  const char* resetReason() override;
  bool buttonHeld() override;
  void light(uint8_t level) override;
  void pbkdf2(Text password, Text salt, uint16_t rounds, uint8_t* into, size_t size) override;
  void log(Text line) override;
  int input() override;

 private:
  Wiring wiring_;
};

}  // namespace esp8266
}  // namespace tendril

#endif
