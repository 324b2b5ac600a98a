// myPlant as its cloud knows it. Made by `tendril firmware new`, which makes
// it anew when the product or the cloud changes: what is yours is better elsewhere.
#pragma once

#include <Arduino.h>

#include "src/Tendril.h"

// The product's datastreams.
constexpr uint8_t soilMoisture = V0;  // Soil moisture: 0 to 100 %
constexpr uint8_t pump = V1;  // pump: 0 is off, 1 is on
constexpr uint8_t note = V2;  // note: text

// The certificates that the cloud's must lead to.
static const char kRoots[] PROGMEM =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIB\n"
    "-----END CERTIFICATE-----\n";

// The pages that may set the device up, beside its own.
static const char* const kWizards[] = {
    "https://plants.example.org",
};

inline tendril::Product product() {
  tendril::Product p;
  p.templateId = "TMPL4kX0pQ2a";
  p.name = "myPlant";
  p.vendor = "Blynk";
  p.unitSuffix = true;
#ifdef ESP32
  p.board = "ESP32";
#else
  p.board = "ESP8266";
#endif
  p.host = "plants.example.org";
  p.port = 8080;
  p.tlsPort = 9443;
  p.tls = true;
  p.wizardOrigins = kWizards;
  p.wizardOriginCount = 1;
  return p;
}

inline tendril::Wiring wiring() {
  tendril::Wiring w;
  w.roots = kRoots;
  w.builtAt = 1803902400;  // 2027-03-01: no certificate is checked against an earlier day
  return w;
}
