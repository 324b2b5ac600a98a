#pragma once

#include <stddef.h>
#include <stdint.h>

struct rst_info;

class EspClass {
 public:
  void restart();
  bool flashEraseSector(uint32_t sector);
  bool flashWrite(uint32_t address, const uint8_t* data, size_t size);
  bool flashRead(uint32_t address, uint8_t* data, size_t size);
  struct rst_info* getResetInfoPtr();
};

extern EspClass ESP;
