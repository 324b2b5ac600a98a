// The rest of this machine as a board: it has no button and no light of its own, since
// hands work through the control.
#pragma once

#include <bearssl.h>

#include <cstring>
#include <iostream>
#include <random>

#include "Tendril/Port.h"

namespace host {

class Board : public tendril::Board {
 public:
  explicit Board(bool verbose) : verbose_(verbose) {}

  bool takeRestart() {
    const bool asked = restart_;
    restart_ = false;
    return asked;
  }
  // Why the next life begins.
  void because(const char* reason) { reason_ = reason; }

  uint32_t random() override { return static_cast<uint32_t>(random_()); }
  void restart() override { restart_ = true; }
  const char* resetReason() override { return reason_; }
  bool buttonHeld() override { return false; }
  void light(uint8_t) override {}
  void pbkdf2(tendril::Text password, tendril::Text salt, uint16_t rounds, uint8_t* into, size_t size) override {
    // RFC 8018, 5.2, for one block: what is asked for is no longer than SHA-256.
    br_hmac_key_context key;
    br_hmac_key_init(&key, &br_sha256_vtable, password.data, password.size);
    uint8_t u[32], sum[32];
    const uint8_t first[4] = {0, 0, 0, 1};
    br_hmac_context hmac;
    br_hmac_init(&hmac, &key, 0);
    br_hmac_update(&hmac, salt.data, salt.size);
    br_hmac_update(&hmac, first, sizeof first);
    br_hmac_out(&hmac, u);
    std::memcpy(sum, u, sizeof sum);
    for (uint16_t round = 1; round < rounds; round++) {
      br_hmac_init(&hmac, &key, 0);
      br_hmac_update(&hmac, u, sizeof u);
      br_hmac_out(&hmac, u);
      for (size_t i = 0; i < sizeof sum; i++) sum[i] ^= u[i];
    }
    std::memcpy(into, sum, size < sizeof sum ? size : sizeof sum);
  }
  void log(tendril::Text line) override {
    if (verbose_) std::cerr.write(line.data, static_cast<std::streamsize>(line.size)) << '\n';
  }

 private:
  bool verbose_;
  bool restart_ = false;
  const char* reason_ = "power";
  std::random_device random_;
};

}  // namespace host
