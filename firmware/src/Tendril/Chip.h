// How Tendril.h finds the chip: each port defines these two functions, once. The
// core itself is handed its Port and the time and calls neither.
#pragma once

#include "Port.h"

namespace tendril {

// What is wired where, and whom to trust. A port takes what it has no use for.
struct Wiring {
  int8_t button = 0;         // GPIO; -1: there is none
  bool buttonIsLow = true;   // pressed, it reads low
  int8_t light = 2;          // GPIO; -1: there is none
  bool lightIsLow = true;    // low lights it
  bool console = true;       // commands are read from the serial port
  const char* roots = "";    // certificates in PEM that the cloud's must lead to
  bool trustAnybody = false; // connects by TLS to whoever answers: for a desk only
  uint32_t builtAt = 0;      // seconds since 1970: no certificate check believes an earlier clock
  const char* timeServer = "pool.ntp.org";
};

// The chip's port. The first call sets it up; the pointers must live on.
Port& chip(const Wiring& wiring);

// Milliseconds since the chip started.
Millis uptime();

}  // namespace tendril
