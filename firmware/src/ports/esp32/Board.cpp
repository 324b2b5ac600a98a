#ifdef ESP32

#include "Board.h"

#include <Arduino.h>
#include <esp_random.h>
#include <esp_system.h>
#include <mbedtls/pkcs5.h>

namespace tendril {
namespace esp32 {

void Esp32Board::begin() {
  if (wiring_.button >= 0) pinMode(static_cast<uint8_t>(wiring_.button), wiring_.buttonIsLow ? INPUT_PULLUP : INPUT);
  if (wiring_.light >= 0) {
    pinMode(static_cast<uint8_t>(wiring_.light), OUTPUT);
    light(0);
  }
}

uint32_t Esp32Board::random() { return esp_random(); }

void Esp32Board::restart() { esp_restart(); }

const char* Esp32Board::resetReason() {
  switch (esp_reset_reason()) {
    case ESP_RST_EXT: return "reset";
    case ESP_RST_SW: return "restart";
    case ESP_RST_PANIC: return "exception";
    case ESP_RST_INT_WDT:
    case ESP_RST_TASK_WDT:
    case ESP_RST_WDT: return "watchdog";
    case ESP_RST_DEEPSLEEP: return "sleep";
    case ESP_RST_BROWNOUT: return "brownout";
    default: return "power";
  }
}

bool Esp32Board::buttonHeld() {
  if (wiring_.button < 0) return false;
  return (digitalRead(static_cast<uint8_t>(wiring_.button)) == LOW) == wiring_.buttonIsLow;
}

void Esp32Board::light(uint8_t level) {
  if (wiring_.light < 0) return;
  analogWrite(static_cast<uint8_t>(wiring_.light), wiring_.lightIsLow ? 255 - level : level);
}

void Esp32Board::pbkdf2(Text password, Text salt, uint16_t rounds, uint8_t* into, size_t size) {
  mbedtls_pkcs5_pbkdf2_hmac_ext(MBEDTLS_MD_SHA256, reinterpret_cast<const unsigned char*>(password.data), password.size,
                                reinterpret_cast<const unsigned char*>(salt.data), salt.size, rounds, static_cast<uint32_t>(size), into);
}

void Esp32Board::log(Text line) {
  Serial.write(reinterpret_cast<const uint8_t*>(line.data), line.size);
  Serial.write(reinterpret_cast<const uint8_t*>("\r\n"), 2);
}

int Esp32Board::input() { return wiring_.console && Serial.available() > 0 ? Serial.read() : -1; }

}  // namespace esp32
}  // namespace tendril

#endif
