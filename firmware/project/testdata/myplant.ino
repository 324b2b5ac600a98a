// myPlant: this file is yours.

#include "src/Tendril.h"

#include "product.h"

// The cloud writes pump: 0 is off, 1 is on.
constexpr uint8_t kOutput = 5;
TENDRIL_WRITE(pump) { digitalWrite(kOutput, param.asInt() ? HIGH : LOW); }

// What the sensor on A0 measures, as Soil moisture.
#ifdef ESP32
constexpr double kFull = 4095;
#else
constexpr double kFull = 1023;
#endif
void measure() { Tendril.write(soilMoisture, analogRead(A0) * 100.0 / kFull); }

void setup() {
  Serial.begin(115200);
  pinMode(kOutput, OUTPUT);
  Tendril.every(5000, measure);

  tendril::Product device = product();
  device.firmwareVersion = "0.1.0";  // raise it with every release

  tendril::Wiring board = wiring();
  board.button = 0;  // GPIO; most boards call it FLASH or BOOT
  board.light = 2;   // GPIO; the light on most boards
#ifdef ESP32
  board.lightIsLow = false;  // most ESP32 boards' light is lit by a high level
#endif
  Tendril.begin(device, board);
}

void loop() { Tendril.run(); }
