#include "Timers.h"

namespace tendril {

int Timers::add(uint32_t milliseconds, Function function, bool repeats) {
  for (int i = 0; i < kTimers; i++) {
    Timer& timer = timers_[i];
    if (timer.function != nullptr) continue;
    timer.function = function;
    timer.interval = milliseconds > 0 ? milliseconds : 1;
    timer.repeats = repeats;
    timer.started = false;
    return i;
  }
  return -1;
}

void Timers::run(Millis now) {
  for (Timer& timer : timers_) {
    if (timer.function == nullptr) continue;
    if (!timer.started) {
      timer.started = true;
      timer.since = now;
      continue;
    }
    const uint32_t late = elapsed(now, timer.since);
    if (late < timer.interval) continue;
    const Function function = timer.function;
    // Before the call, which may cancel this timer or set another in its place.
    timer.since = now - late % timer.interval;
    if (!timer.repeats) timer.function = nullptr;
    function();
  }
}

}  // namespace tendril
