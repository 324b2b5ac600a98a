// A week of virtual time with random outages, and random lives against a small model:
// the same seeds each time, and a failure names its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "World.h"

namespace {

using tendril::State;

constexpr uint32_t kMinute = 60000, kHour = 60 * kMinute;

// Lets time pass: coarsely while it only waits.
void pass(World& w, uint32_t milliseconds) {
  for (uint32_t passed = 0; passed < milliseconds;) {
    const bool idle = !w.isOn() || w.device().state() == State::Waiting || w.device().isOnline() || w.device().isOpen();
    const uint32_t step = std::min<uint32_t>(milliseconds - passed, idle ? 250 : 50);
    w.run(step, step);
    passed += step;
  }
}

// From when all is well again: a try that was begun before may have to run into its
// ceiling, then comes the longest pause, then a try that succeeds.
uint32_t backOnlineWithin(const tendril::Timing& t) {
  const uint32_t silent = t.heartbeatSeconds * 1000U + t.silence;
  const uint32_t stuck = std::max(std::max(t.join, t.cloud), silent);
  return stuck + t.retryMax + 6000;
}

class Week : public testing::TestWithParam<uint32_t> {};

TEST_P(Week, OfRandomOutages) {
  World w(GetParam());
  w.powerOn();
  ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOpen(); }, 10000));
  ASSERT_EQ(200, w.handOver(home("Home")));
  ASSERT_TRUE(w.runUntil(State::Online));
  std::mt19937 random(GetParam());
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  const int opened = w.count("setup_network_up");
  int outages = 0;
  for (uint32_t hours = 0; hours < 7 * 24;) {
    // Fair weather, then some of it goes wrong at once, or one after the other.
    pass(w, below(2 * kHour));
    for (uint32_t troubles = 1 + below(3); troubles > 0; troubles--) {
      Router& router = w.routers["Home"];
      router.swallows = below(2) == 0;
      switch (below(8)) {
        case 0: router.up = false; break;
        case 1: router.up = router.dhcp = false; pass(w, 1000); router.up = true; break;
        case 2: router.dns = false; w.hangUp(); break;
        case 3: router.internet = false; break;
        case 4: w.cloud.up = false; w.cloud.swallows = below(2) == 0; break;
        case 5: w.cloud.answer = below(2) == 0 ? 19 : CloudSide::kSilence; w.hangUp(); break;
        case 6: w.hangUp(); break;
        default: w.powerOff(); break;
      }
      pass(w, below(below(4) == 0 ? 2 * kHour : 5 * kMinute));
      if (below(3) == 0) w.powerOn();
    }
    outages++;
    w.routers["Home"] = Router();
    w.cloud.up = true;
    w.cloud.swallows = false;
    w.cloud.answer = 200;
    w.powerOn();
    const tendril::Millis since = w.now;
    ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOnline(); }, backOnlineWithin(w.timing), 50))
        << "outage " << outages << ": not online again, but " << nameOf(w.device().state());
    // Online for certain: the cloud may have been silent for some time, unnoticed.
    pass(w, backOnlineWithin(w.timing));
    ASSERT_TRUE(w.device().isOnline()) << "outage " << outages;
    hours += tendril::elapsed(w.now, since) / kHour + 1;
    w.events.erase(w.events.begin(), w.events.begin() + static_cast<std::ptrdiff_t>(w.events.size() > 4000 ? w.events.size() - 4000 : 0));
    w.log.clear();
  }
  EXPECT_GT(outages, 20);
  EXPECT_LE(w.count("setup_network_up"), opened) << "no outage opens the setup network";
  EXPECT_EQ(0, w.flash.violations);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Week, testing::Range(1U, 13U));

// What a test knows about one token that was handed over.
struct Known {
  bool accepted = false;  // the cloud has let somebody in with it
  bool refused = false;   // the cloud has refused it for certain
  bool excused = false;   // a customer's own doing, or another's success, has ended it
};

class Lives : public testing::TestWithParam<uint32_t> {
 protected:
  // The tokens that flash holds, the proven one first; empty if there is none.
  static std::vector<std::string> onFlash(World& w) {
    NorFlash copy = w.flash;
    copy.powerOn();
    tendril::Store store(copy);
    EXPECT_EQ(tendril::Store::Status::Ok, store.open());
    tendril::Slot slot;
    std::vector<std::string> tokens = {store.proven(slot) ? string(slot.configuration.token.text()) : ""};
    for (uint8_t i = 0; store.trial(i, slot); i++) tokens.push_back(string(slot.configuration.token.text()));
    return tokens;
  }
};

// A customer who hands over, waits, presses and pulls plugs at random, while routers
// and clouds fail. At each moment: what was proven is on flash, or what logged in
// after it; a token whose login has left is on flash until the cloud refuses it,
// another one logs in, or the customer takes it back.
TEST_P(Lives, NeverLoseAToken) {
  World w(GetParam());
  std::mt19937 random(GetParam() * 7919U);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  w.routers["Other"] = Router();
  w.powerOn();
  std::map<std::string, Known> known;
  std::string proven;      // the token that flash says is
  bool erasing = false;    // the customer has asked for it, and it may be half done
  size_t heard = 0;        // of the cloud's logins
  int handed = 0;

  const auto look = [&](const char* after) {
    for (; heard < w.cloud.logins.size(); heard++) {
      const std::string& token = w.cloud.logins[heard];
      Known& k = known[token];
      if (w.cloud.given[heard] == 9) k.refused = true;
      if (w.cloud.given[heard] != 200) continue;
      for (auto& [other, o] : known) o.excused = o.excused || other != token;
      k = Known{true, false, false};
    }
    const std::vector<std::string> tokens = onFlash(w);
    const auto isOn = [&](const std::string& token) { return std::find(tokens.begin(), tokens.end(), token) != tokens.end(); };
    if (!proven.empty() && tokens[0] != proven && !erasing) {
      ASSERT_FALSE(tokens[0].empty()) << after << ": the proven configuration is lost";
      ASSERT_TRUE(known[tokens[0]].accepted) << after << ": what was never let in has taken its place";
    }
    if (tokens[0].empty() && erasing) {
      for (auto& [token, k] : known) k.excused = k.excused || !isOn(token);
    }
    proven = tokens[0];
    for (const std::string& token : w.cloud.logins) {
      const Known& k = known[token];
      ASSERT_TRUE(isOn(token) || k.refused || k.excused) << after << ": a token whose login has left is lost";
    }
  };

  for (int i = 0; i < 120 && !HasFatalFailure(); i++) {
    const uint32_t what = below(14);
    std::string after = "step " + std::to_string(i) + ", " + std::to_string(what);
    erasing = false;
    switch (what) {
      case 0: case 1: case 2: case 3: {
        if (!w.isOn() || !w.device().isOpen()) break;
        tendril::Configuration c = home(below(4) == 0 ? "Nowhere" : below(2) == 0 ? "Home" : "Other");
        std::string token = kToken;
        token.replace(26, 6, std::to_string(100000 + ++handed));
        c.token.set(text(token));
        if (below(5) == 0) c.password.set("wrong-pass");
        if (below(3) == 0) w.cloud.answers[token] = std::vector<uint16_t>{9, 19, CloudSide::kSilence}[below(3)];
        if (below(2) == 0) w.flash.cutPower({below(2) == 0 ? below(40) : tendril::kSectorSize + below(200), 0x5A, NorFlash::Order::Scattered});
        // A new one takes the place of a trial beside what is proven, or of the older
        // of two.
        const std::vector<std::string> before = onFlash(w);
        // The power may fail before the answer has left.
        const int received = w.count("configuration_received");
        w.handOver(c);
        if (w.count("configuration_received") > received) {
          for (size_t t = before[0].empty() ? 2 : 1; t < before.size(); t++) known[before[t]].excused = true;
        }
        pass(w, 3000);
        break;
      }
      case 4: case 5: if (w.isOn()) w.hold(3500); break;
      case 6:
        if (!w.isOn() || below(4) > 0) break;
        erasing = true;
        if (below(2) == 0) w.flash.cutPower({below(2 * tendril::kSectorSize), 0x5A, NorFlash::Order::FromEnd});
        w.hold(10500);
        break;
      case 7: w.powerOff(); break;
      case 8: case 9: w.powerOn(); break;
      case 10: w.routers[below(2) == 0 ? "Home" : "Other"].up = below(2) == 0; break;
      case 11: w.cloud.up = below(3) > 0; break;
      case 12:
        if (!w.isOn() || !w.device().isOpen() || below(3) > 0) break;
        for (const std::string& token : onFlash(w)) known[token].excused = known[token].excused || token != proven;
        w.ask("POST", "/reset");
        break;
      default: pass(w, below(6) * kMinute); break;
    }
    look(after.c_str());
    pass(w, below(20000));
    look(after.c_str());
  }
  if (HasFatalFailure()) return;

  // All troubles cease. It is online by itself where the cloud would have it; else its
  // setup network is open, and the customer can hand over. No dead end.
  w.routers = {{"Home", Router()}, {"Other", Router()}};
  w.cloud.up = true;
  w.cloud.answers.clear();
  w.flash.powerOn();
  w.powerOff();
  w.powerOn();
  pass(w, w.timing.setupIdle + 3 * backOnlineWithin(w.timing));
  look("when all is well");
  if (HasFatalFailure()) return;
  if (!proven.empty()) {
    EXPECT_TRUE(w.device().isOnline()) << nameOf(w.device().state());
  } else if (!w.device().isOnline()) {
    ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOpen(); }, 2 * backOnlineWithin(w.timing), 50));
    EXPECT_EQ(200, w.handOver(home("Home")));
    EXPECT_TRUE(w.runUntil(State::Online));
  }
  for (const std::string& line : w.log) {
    EXPECT_EQ(std::string::npos, line.find("secret-pass")) << line;
    EXPECT_EQ(std::string::npos, line.find("abcdefghijkl")) << line;
    EXPECT_EQ(std::string::npos, line.find("VIOLATION")) << line;
  }
  EXPECT_EQ(0, w.flash.violations);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Lives, testing::Range(1U, 401U));

}  // namespace
