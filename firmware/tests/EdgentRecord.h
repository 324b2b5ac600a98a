// Edgent's record, as its firmware lays it out.
#pragma once

#include <Tendril/Store/Edgent.h>

#include <cstring>
#include <string>

#include "NorFlash.h"

#pragma pack(push, 1)
struct EdgentLayout {
  uint32_t magic = 0x626C6E6B;
  char version[15] = "0.1.0";
  uint8_t flags = 1;
  char ssid[34] = "Edgent home";
  char pass[64] = "secret-pass";
  char token[34] = "abcdefghijklmnopqrstuvwxyz-_0123";
  char host[34] = "cloud.example";
  uint16_t port = 443;
  uint8_t addresses[5][4] = {};
  int32_t lastError = 0;
};
#pragma pack(pop)
static_assert(sizeof(EdgentLayout) == tendril::kEdgentRecord, "as Edgent has it");

// Its place, which loses power together with the store's flash.
class EdgentFlash : public tendril::EdgentMemory {
 public:
  explicit EdgentFlash(NorFlash& flash) : flash_(flash) {}

  bool read(uint8_t into[tendril::kEdgentRecord]) override {
    if (!there) return false;
    std::memcpy(into, &record, sizeof record);
    return true;
  }
  bool forget() override {
    if (stubborn || flash_.off) return false;
    const size_t done = flash_.spend(sizeof record);
    std::memset(static_cast<void*>(&record), 0xFF, done);
    forgotten += done == sizeof record ? 1 : 0;
    return done == sizeof record;
  }

  EdgentLayout record;
  bool there = true;
  bool stubborn = false;  // can't be written
  int forgotten = 0;

 private:
  NorFlash& flash_;
};
