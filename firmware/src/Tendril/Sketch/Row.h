// Several values of one datastream, joined by NUL.
#pragma once

#include "../Text/Writer.h"
#include "Number.h"

namespace tendril {

class Row {
 public:
  static constexpr size_t kRoom = 128;

  void add(Text value) {
    if (!first_) w_.put('\0');
    first_ = false;
    w_.put(value);
  }
  void add(const char* value) { add(Text(value)); }
  void add(bool value) { add(value ? "1" : "0"); }
  void add(double value) { add(Number(value).text()); }
  void add(float value) { add(static_cast<double>(value)); }
  void add(int value) { add(static_cast<long>(value)); }
  void add(long value) { add(Number(value).text()); }
  void add(long long value) { add(Number(value).text()); }
  void add(unsigned value) { add(static_cast<unsigned long long>(value)); }
  void add(unsigned long value) { add(static_cast<unsigned long long>(value)); }
  void add(unsigned long long value) { add(Number(value).text()); }

  bool fits() const { return !w_.overflow(); }
  Text text() const { return w_.text(); }

 private:
  char room_[kRoom];
  Writer w_{room_, sizeof room_};
  bool first_ = true;
};

}  // namespace tendril
