// The serial console: a line is a command, with the names and answers that Edgent's
// has. It shows what the device is and does, never a password or a token.
#pragma once

#include "Device.h"

namespace tendril {

class Console {
 public:
  Console(Device& device, Board& board) : device_(device), board_(board) {}

  // Takes what was typed since.
  void tick();
  // Runs one line.
  void run(Text line);

 private:
  TENDRIL_ONCE void help();

  Device& device_;
  Board& board_;
  Field<40> line_;
  bool tooLong_ = false;
};

}  // namespace tendril
