// What happens to the device, as lines for people or as JSON: those of `tendril device
// run`.
#pragma once

#include <cstdint>
#include <string>

#include "Tendril/Setup/State.h"

namespace host {

// Makes foreign text safe for a terminal and a line: what can't be shown is \xFF.
std::string printable(const std::string& text);

class Story {
 public:
  explicit Story(bool json) : json_(json) {}

  // One moment; portal is the setup portal's URL while it is open.
  void event(const char* name, const std::string& ssid, const std::string& portal, tendril::Code code);
  void written(uint8_t pin, const std::string& value);

 private:
  bool json_;
};

}  // namespace host
