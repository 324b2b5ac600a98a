#ifdef ESP8266

#include "Board.h"

#include <Arduino.h>
#include <Esp.h>
#include <bearssl/bearssl.h>
#include <esp8266_peri.h>

#if !CORE_MOCK
extern "C" {
#include <user_interface.h>
}
#endif

namespace tendril {
namespace esp8266 {

void Esp8266Board::begin() {
  if (wiring_.button >= 0) pinMode(static_cast<uint8_t>(wiring_.button), wiring_.buttonIsLow ? INPUT_PULLUP : INPUT);
  if (wiring_.light >= 0) {
    pinMode(static_cast<uint8_t>(wiring_.light), OUTPUT);
    light(0);
  }
}

// The hardware's own, which is random while the radio is on.
uint32_t Esp8266Board::random() { return RANDOM_REG32; }

void Esp8266Board::restart() { ESP.restart(); }

const char* Esp8266Board::resetReason() {
#if !CORE_MOCK
  switch (ESP.getResetInfoPtr()->reason) {
    case REASON_DEFAULT_RST: return "power";
    case REASON_WDT_RST:
    case REASON_SOFT_WDT_RST: return "watchdog";
    case REASON_EXCEPTION_RST: return "exception";
    case REASON_SOFT_RESTART: return "restart";
    case REASON_DEEP_SLEEP_AWAKE: return "sleep";
    case REASON_EXT_SYS_RST: return "reset";
  }
#endif
  return "power";
}

bool Esp8266Board::buttonHeld() {
  if (wiring_.button < 0) return false;
  return (digitalRead(static_cast<uint8_t>(wiring_.button)) == LOW) == wiring_.buttonIsLow;
}

void Esp8266Board::light(uint8_t level) {
  if (wiring_.light < 0) return;
  const auto pin = static_cast<uint8_t>(wiring_.light);
  const uint8_t seen = wiring_.lightIsLow ? static_cast<uint8_t>(255 - level) : level;
  if (level == 0 || level == 255) {
    digitalWrite(pin, seen == 0 ? LOW : HIGH);  // so that no timer runs
  } else {
    analogWrite(pin, seen);
  }
}

void Esp8266Board::pbkdf2(Text password, Text salt, uint16_t rounds, uint8_t* into, size_t size) {
  br_hmac_key_context key;
  br_hmac_key_init(&key, &br_sha256_vtable, password.data, password.size);
  const uint8_t first[4] = {0, 0, 0, 1};
  uint8_t u[br_sha256_SIZE], sum[br_sha256_SIZE];
  br_hmac_context hmac;
  br_hmac_init(&hmac, &key, 0);
  br_hmac_update(&hmac, salt.data, salt.size);
  br_hmac_update(&hmac, first, sizeof first);
  br_hmac_out(&hmac, u);
  memcpy(sum, u, sizeof sum);
  for (uint16_t round = 1; round < rounds; round++) {
    br_hmac_init(&hmac, &key, 0);
    br_hmac_update(&hmac, u, sizeof u);
    br_hmac_out(&hmac, u);
    for (size_t i = 0; i < sizeof sum; i++) sum[i] = static_cast<uint8_t>(sum[i] ^ u[i]);
    if (round % 256 == 0) yield();  // the radio's turn
  }
  memcpy(into, sum, size < sizeof sum ? size : sizeof sum);
}

void Esp8266Board::log(Text line) {
  Serial.write(reinterpret_cast<const uint8_t*>(line.data), line.size);
  Serial.write(reinterpret_cast<const uint8_t*>("\r\n"), 2);
}

int Esp8266Board::input() { return wiring_.console && Serial.available() > 0 ? Serial.read() : -1; }

}  // namespace esp8266
}  // namespace tendril

#endif
