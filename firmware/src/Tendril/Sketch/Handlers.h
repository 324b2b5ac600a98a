// A sketch's handlers. Each is a static object, made before setup, in a list of its
// kind: however many there are, none takes memory later.
#pragma once

#include "Value.h"

namespace tendril {

struct WriteHandler {
  using Function = void (*)(const Value&);
  WriteHandler(uint8_t handlerPin, Function handlerFunction) : pin(handlerPin), function(handlerFunction), next(first) {
    first = this;
  }
  uint8_t pin;
  Function function;
  WriteHandler* next;
  static WriteHandler* first;
};

struct ReadHandler {
  using Function = void (*)();
  ReadHandler(uint8_t handlerPin, Function handlerFunction) : pin(handlerPin), function(handlerFunction), next(first) {
    first = this;
  }
  uint8_t pin;
  Function function;
  ReadHandler* next;
  static ReadHandler* first;
};

}  // namespace tendril
