// The indicator: which pattern says what. All of them are in one table, and end in
// darkness or light so that one looks the same wherever it is joined.
#pragma once

#include "Setup/State.h"
#include "Time.h"

namespace tendril {

// For so long light, then so long dark, in milliseconds; flashes in a row before the
// longer pause.
struct Pattern {
  uint16_t light;
  uint16_t dark;
  uint8_t flashes;
  uint16_t pause;
};

// What the light shows beside the states.
enum class Cue : uint8_t { None, Opens, Erases };

constexpr Pattern kPatterns[kStates] = {
    {0, 1000, 1, 0},      // starting: dark
    {500, 500, 1, 0},     // setup: slow and even, "I'm waiting for you"
    {100, 100, 1, 0},     // stored: quick, "I have it"
    {100, 400, 1, 0},     // joining: one flash and a gap
    {100, 150, 2, 500},   // checking: two flashes
    {100, 150, 3, 500},   // connecting: three
    {100, 150, 4, 500},   // logging in: four
    {1000, 0, 1, 0},      // online: steady
    {50, 1950, 1, 0},     // waiting: a glimpse every other second
    {30, 70, 1, 0},       // updating: a flicker, "leave me my power"
    {0, 1000, 1, 0},      // restarting: dark
    {100, 150, 6, 1500},  // refusing: six flashes, which nothing else has
};
// While the button is held: letting it go now opens the setup network, or erases.
constexpr Pattern kOpensPattern = {150, 150, 1, 0};
constexpr Pattern kErasesPattern = {40, 40, 1, 0};

class Light {
 public:
  static constexpr uint8_t kBright = 255;

  // How bright it is to be now.
  uint8_t tick(State state, Cue cue, Millis now) {
    const Pattern& pattern = cue == Cue::Erases ? kErasesPattern : cue == Cue::Opens ? kOpensPattern : kPatterns[static_cast<uint8_t>(state)];
    if (&pattern != shown_) {
      shown_ = &pattern;
      since_ = now;
    }
    const uint32_t flash = static_cast<uint32_t>(pattern.light) + pattern.dark;
    const uint32_t flashes = flash * pattern.flashes;
    const uint32_t round = flashes + pattern.pause;
    uint32_t at = elapsed(now, since_);
    if (round > 0 && at >= round) {
      at %= round;
      since_ = now - at;
    }
    return at < flashes && at % flash < pattern.light ? kBright : 0;
  }

 private:
  const Pattern* shown_ = nullptr;
  Millis since_ = 0;
};

}  // namespace tendril
