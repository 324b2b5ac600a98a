// Timers for makers: functions that are called every so often, or once, from run.
#pragma once

#include "../Time.h"

namespace tendril {

class Timers {
 public:
  using Function = void (*)();
  static constexpr int kTimers = 16;

  // The number of a timer, from 0; -1 when all are taken. An interval of less than
  // 1 ms is 1 ms.
  int every(uint32_t milliseconds, Function function) { return add(milliseconds, function, true); }
  int after(uint32_t milliseconds, Function function) { return add(milliseconds, function, false); }
  void cancel(int timer) {
    if (timer >= 0 && timer < kTimers) timers_[timer].function = nullptr;
  }

  // The names that SimpleTimer and BlynkTimer have given them.
  int setInterval(uint32_t milliseconds, Function function) { return every(milliseconds, function); }
  int setTimeout(uint32_t milliseconds, Function function) { return after(milliseconds, function); }
  void deleteTimer(int timer) { cancel(timer); }

  // Calls what is due. A timer that is late is called once, not once for each time
  // that it missed.
  void run(Millis now);

 private:
  struct Timer {
    Function function = nullptr;
    uint32_t interval = 0;
    Millis since = 0;
    bool repeats = false;
    bool started = false;  // since is known only from the first run on
  };

  int add(uint32_t milliseconds, Function function, bool repeats);

  Timer timers_[kTimers];
};

}  // namespace tendril
