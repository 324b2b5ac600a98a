// Button, light, serial line, chance and restart of an ESP32 board.
#pragma once
#ifdef ESP32

#include "../../Tendril/Chip.h"
#include "../../Tendril/Port.h"

namespace tendril {
namespace esp32 {

class Esp32Board final : public Board {
 public:
  explicit Esp32Board(const Wiring& wiring) : wiring_(wiring) {}
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

}  // namespace esp32
}  // namespace tendril

#endif
