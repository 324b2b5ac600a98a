// The button: what it means is decided when it is let go.
#pragma once

#include "Time.h"

namespace tendril {

class Button {
 public:
  // Contacts bounce for some milliseconds; a change counts once it has stayed for so long.
  static constexpr uint32_t kBounce = 30;

  // Takes what the pin says now. True when it was let go: held() is for how long.
  bool tick(bool pressed, Millis now) {
    if (pressed != raw_) {
      raw_ = pressed;
      changed_ = now;
    }
    if (raw_ == pressed_ || elapsed(now, changed_) < kBounce) return false;
    pressed_ = raw_;
    if (pressed_) {
      began_ = changed_;
      return false;
    }
    held_ = elapsed(changed_, began_);
    return true;
  }

  bool pressed() const { return pressed_; }
  uint32_t held() const { return held_; }
  // For how long it has been held so far; 0 while it isn't.
  uint32_t heldSoFar(Millis now) const { return pressed_ ? elapsed(now, began_) : 0; }

 private:
  bool raw_ = false;
  bool pressed_ = false;
  Millis changed_ = 0;
  Millis began_ = 0;
  uint32_t held_ = 0;
};

}  // namespace tendril
