// A value that the cloud writes, as a handler sees it.
#pragma once

#include <stdlib.h>

#include "../Text.h"

namespace tendril {

// One value, or several of one datastream in a row. It lives as long as the call of
// the handler; there is a NUL behind it.
class Value {
 public:
  explicit Value(Text fields) : fields_(fields) {}

  int asInt() const { return static_cast<int>(asLong()); }
  long asLong() const { return strtol(asString(), nullptr, 10); }
  double asDouble() const { return strtod(asString(), nullptr); }
  float asFloat() const { return static_cast<float>(asDouble()); }
  bool asBool() const { return asLong() != 0; }
  // Up to the first NUL: the first of several values.
  const char* asString() const { return fields_.data; }
  const char* asStr() const { return asString(); }
  Text text() const { return fields_.first(strlen(fields_.data)); }
  size_t size() const { return fields_.size; }
  bool isEmpty() const { return fields_.empty(); }

  // The i-th of several values, from 0; empty if there are fewer.
  Value operator[](size_t i) const {
    Text rest = fields_;
    for (; i > 0; i--) rest = rest.from(strlen(rest.data) + 1);
    return Value(rest);
  }

 private:
  Text fields_;
};

}  // namespace tendril
