// Frames of the device protocol (docs/protocol.md): command, id and length,
// big-endian, then a body of fields joined by NUL. In a response the length is a
// status, and no body follows.
#pragma once

#include "../Text.h"

namespace tendril {

enum class Command : uint8_t {
  Response = 0,
  Ping = 6,
  Bridge = 15,
  Sync = 16,
  Info = 17,
  Property = 19,
  Hardware = 20,
  Login = 29,
  Redirect = 41,
  Print = 55,
  Event = 64,
  EventClear = 65,
};

enum class Status : uint16_t {
  Ok = 200,
  IllegalCommand = 2,
  AlreadyRegistered = 4,  // to a second login: as good as Ok
  NotAuthenticated = 5,
  InvalidToken = 9,  // certainly: the server says 19 where it can't tell
};

constexpr size_t kFrameHeader = 5;

struct FrameHeader {
  Command command = Command::Response;
  uint16_t id = 0;      // 0 is nobody's
  uint16_t length = 0;  // of the body, or a response's status

  size_t bodySize() const { return command == Command::Response ? 0 : length; }
  Status status() const { return static_cast<Status>(length); }
};

FrameHeader parseHeader(const uint8_t from[kFrameHeader]);
void putHeader(uint8_t into[kFrameHeader], const FrameHeader& header);

// A body of fields: how long it is, and as a whole frame.
size_t bodySize(const Text* fields, size_t count);
void putFrame(uint8_t* into, Command command, uint16_t id, const Text* fields, size_t count);

// Takes the first field off a body: its NUL goes, too. False: it was the last.
bool takeField(Text& body, Text& field);

// A number in decimal digits alone, at most max.
bool parseNumber(Text digits, uint32_t max, uint32_t& into);
// A pin's number, 0 to 255, without leading zeros.
bool parsePin(Text digits, uint8_t& pin);
// A number's digits, as a text that lives as long as this does.
class Digits {
 public:
  explicit Digits(uint16_t number);
  Text text() const { return {digits_ + at_, sizeof digits_ - at_}; }

 private:
  char digits_[5] = {};
  uint8_t at_ = sizeof digits_;
};

}  // namespace tendril
