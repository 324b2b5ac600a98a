// The ESP8266 core can run a sketch on a desktop, without radio and flash (its
// tests/host, which defines CORE_MOCK). What that lacks, and what it does another way,
// is here: the sectors are a file, `tendril.flash` in the working directory, and a
// port below 1024 is another one.
#pragma once
#if defined(ESP8266) && CORE_MOCK

#include <Arduino.h>
#include <stdio.h>
#include <string.h>

#include "../../Tendril/Config.h"

namespace tendril {
namespace esp8266 {
namespace emulation {

class File {
 public:
  File() {
    if (!(file_ = fopen("tendril.flash", "r+b"))) {
      file_ = fopen("tendril.flash", "w+b");
      for (size_t i = 0; file_ && i < kSlots * kSectorSize; i++) fputc(0xFF, file_);
    }
  }
  ~File() {
    if (file_) fclose(file_);
  }
  bool at(uint32_t offset) { return file_ && fseek(file_, static_cast<long>(offset), SEEK_SET) == 0; }
  FILE* get() { return file_; }

 private:
  FILE* file_;
};

inline bool readFlash(uint32_t offset, void* into, size_t size) {
  File file;
  return file.at(offset) && fread(into, 1, size, file.get()) == size;
}

inline bool writeFlash(uint32_t offset, const void* data, size_t size) {
  File file;
  for (size_t i = 0; i < size; i++) {
    if (!file.at(offset + static_cast<uint32_t>(i))) return false;
    const int was = fgetc(file.get());
    if (was == EOF || !file.at(offset + static_cast<uint32_t>(i))) return false;
    if (fputc(was & static_cast<const uint8_t*>(data)[i], file.get()) == EOF) return false;
  }
  return true;
}

inline bool eraseFlash(uint32_t offset, size_t size) {
  File file;
  if (!file.at(offset)) return false;
  for (size_t i = 0; i < size; i++) {
    if (fputc(0xFF, file.get()) == EOF) return false;
  }
  return true;
}

// The port that a server on a low port is reached at.
inline uint16_t reachedAt(uint16_t port) { return static_cast<uint16_t>(port < 1024 ? port + mock_port_shifter : port); }

}  // namespace emulation
}  // namespace esp8266
}  // namespace tendril

#endif
