#pragma once

#include <Arduino.h>

class MD5Builder {
 public:
  void begin(void);
  void add(const uint8_t* data, size_t len);
  void calculate(void);
  void getBytes(uint8_t* output);
};
