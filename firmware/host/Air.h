// The networks around the device, as an air file describes them (docs/device.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "Tendril/Code.h"

namespace host {

// One router as it is heard.
struct AccessPoint {
  std::string ssid;
  std::string password;
  std::string security;
  std::string bssid;
  int rssi = 0;     // dBm
  int channel = 0;
  bool hidden = false;
  bool fiveGHz = false;  // out of a 2.4 GHz device's hearing
  bool down = false;     // its power is off
  bool captivePortal = false;
  bool noInternet = false;
  bool noDhcp = false;
  bool noDns = false;

  bool leadsOut() const { return !captivePortal && !noInternet; }
};

// Reads an air file's text; throws std::runtime_error, which says which network and
// which key is wrong and quotes no password.
std::vector<AccessPoint> parseAir(const std::string& text);

// The air that a file describes, and follows.
class Air {
 public:
  // Throws UsageError if the file can't be read.
  explicit Air(std::string path);

  // Reads the file again if it has changed; true if the air has. One that turns
  // unreadable leaves the air as it was, and is told of once, on standard error.
  bool refresh();

  // What a 2.4 GHz device hears, strongest first.
  std::vector<AccessPoint> heard() const;
  const std::vector<AccessPoint>& all() const { return points_; }

 private:
  std::string path_;
  std::string text_;
  std::vector<AccessPoint> points_;
};

}  // namespace host
