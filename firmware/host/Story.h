// What happens to the device, as lines for people or as JSON: those of `tendril device
// run`.
#pragma once

#include <cstdint>
#include <string>

#include "Tendril/Setup/State.h"
#include "Tendril/Text/Writer.h"

namespace host {

// Makes foreign text safe for a terminal and a line: what can't be shown is \xFF.
std::string printable(const std::string& text);

// The stable name of a state, an event or a code.
template <typename Named>
std::string nameOf(Named named) {
  char text[40];
  tendril::Writer w(text, sizeof text);
  tendril::putName(w, named);
  return std::string(w.text().data, w.text().size);
}

class Story {
 public:
  explicit Story(bool json) : json_(json) {}

  // One moment; portal is the setup portal's URL while it is open.
  void event(const std::string& name, const std::string& ssid, const std::string& portal, tendril::Code code);
  void written(uint8_t pin, const std::string& value);

 private:
  bool json_;
};

}  // namespace host
