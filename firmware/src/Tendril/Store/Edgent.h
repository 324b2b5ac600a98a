// The record that Edgent kept, so that its devices can be updated to this firmware
// and stay online.
#pragma once

#include "../Code.h"
#include "../Configuration.h"

namespace tendril {

constexpr size_t kEdgentRecord = 212;

// Where Edgent kept it: at the start of the ESP8266's EEPROM, and as "config" of
// "blynk" in the ESP32's NVS. A port has one of these if Edgent may have run on its
// boards.
class EdgentMemory {
 public:
  virtual ~EdgentMemory() = default;
  // False: nothing is there.
  virtual bool read(uint8_t into[kEdgentRecord]) = 0;
  // Makes it unreadable for good. False: it is still there.
  virtual bool forget() = 0;
};

enum class EdgentRecord : uint8_t {
  None,     // not Edgent's
  Waiting,  // Edgent's, not configured: only why it failed last means something
  Valid,    // a configuration that Edgent has logged in with
};

// Reads the record. Its one port is TLS's, as Edgent's apps filled it in.
EdgentRecord readEdgent(const uint8_t record[kEdgentRecord], Configuration& into, Code& lastError);

}  // namespace tendril
