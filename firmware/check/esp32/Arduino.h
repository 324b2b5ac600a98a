// What a sketch and the port see of the core by <Arduino.h>.
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HIGH 0x1
#define LOW 0x0
#define INPUT 0x01
#define INPUT_PULLUP 0x05
#define OUTPUT 0x03
#define LED_BUILTIN 2
#define PROGMEM

static constexpr uint8_t A0 = 36;
static constexpr uint8_t D1 = 1;

extern "C" {
void pinMode(uint8_t pin, uint8_t mode);
void digitalWrite(uint8_t pin, uint8_t val);
int digitalRead(uint8_t pin);
uint16_t analogRead(uint8_t pin);
void analogWrite(uint8_t pin, int value);
unsigned long millis();
void delay(uint32_t);
void yield(void);
void configTime(long gmtOffset_sec, int daylightOffset_sec, const char* server1, const char* server2 = nullptr, const char* server3 = nullptr);
}

class String {
 public:
  String(const char* cstr = nullptr);
  ~String();
  const char* c_str() const;
  unsigned int length() const;
};

class Print {
 public:
  virtual ~Print() = default;
  virtual size_t write(uint8_t) = 0;
  virtual size_t write(const uint8_t* buffer, size_t size);
  virtual int availableForWrite();
};

class Stream : public Print {
 public:
  virtual int available() = 0;
  virtual int read() = 0;
  void setTimeout(unsigned long timeout);
};

class HardwareSerial : public Stream {
 public:
  void begin(unsigned long baud);
  int available() override;
  int read() override;
  size_t write(uint8_t) override;
  size_t write(const uint8_t* buffer, size_t size) override;
};

extern HardwareSerial Serial;

// Names that the core takes for itself, whoever's they are.
#define bit(b) (1UL << (b))
#define bitRead(value, bit) (((value) >> (bit)) & 0x01)
#define bitSet(value, bit) ((value) |= (1UL << (bit)))
#define bitClear(value, bit) ((value) &= ~(1UL << (bit)))
#define lowByte(w) ((uint8_t)((w) & 0xff))
#define highByte(w) ((uint8_t)((w) >> 8))
#define word(...) makeWord(__VA_ARGS__)
#define sq(x) ((x) * (x))
#define constrain(amt, low, high) ((amt) < (low) ? (low) : ((amt) > (high) ? (high) : (amt)))
#define radians(deg) ((deg)*DEG_TO_RAD)
#define degrees(rad) ((rad)*RAD_TO_DEG)
#define F(string_literal) (string_literal)
#define _min(a, b) ((a) < (b) ? (a) : (b))
#define _max(a, b) ((a) > (b) ? (a) : (b))
#define PI 3.1415926535897932384626433832795
#define DEG_TO_RAD 0.017453292519943295769236907684886
#define RAD_TO_DEG 57.295779513082320876798154814105
#define SERIAL 0x0
#define DISPLAY 0x1
#define LSBFIRST 0
#define MSBFIRST 1
#define CHANGE 3
#define RISING 1
#define FALLING 2
#define B0 0
#define B1 1

void setup();
void loop();
