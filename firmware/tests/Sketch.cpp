// The maker's API, as a sketch uses it, with the button, the light and the console.
#include <Tendril.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "World.h"

namespace {

World* world = nullptr;

constexpr uint8_t moisture = V0;
constexpr uint8_t pump = V1;
std::vector<std::string> heard;

}  // namespace

TENDRIL_WRITE(pump) {
  heard.push_back("pump " + std::to_string(param.asInt()));
  // A handler may write while a frame is being read.
  Tendril.write(V7, "acknowledged");
}

TENDRIL_WRITE(V2) {
  heard.push_back(std::string(param[0].asString()) + "/" + param[1].asStr() + "/" + std::to_string(param[2].asDouble()) + (param[3].isEmpty() ? "" : "!"));
}

TENDRIL_READ(moisture) { Tendril.write(moisture, 42.5); }

TENDRIL_READ(V9) {}

namespace tendril {

// The chip's two functions, of the world.
Port& chip(const Wiring&) { return world->port(); }
Millis uptime() { return world->now; }

}  // namespace tendril

namespace {

using tendril::Number;
using tendril::Timers;
using tendril::Value;

TEST(Sketch, FromBeginToValuesBothWays) {
  World w;
  world = &w;
  w.powerOn();
  ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOpen(); }, 10000));
  ASSERT_EQ(200, w.handOver(home("Home")));
  ASSERT_TRUE(w.runUntil(tendril::State::Online));
  w.powerOff();
  w.flash.powerOn();

  static int ticks = 0;
  static std::string happened;
  w.loop = [] { Tendril.run(); };
  w.run(100);
  EXPECT_FALSE(Tendril.write(moisture, 1)) << "before begin there is no device";
  EXPECT_FALSE(Tendril.connected());
  EXPECT_FALSE(Tendril.sync());
  EXPECT_FALSE(Tendril.sync(pump));
  EXPECT_FALSE(Tendril.logEvent("dry"));
  EXPECT_EQ(0U, Tendril.clock());
  EXPECT_EQ(tendril::State::Starting, Tendril.state());

  Tendril.onConnected([] {
    happened += "+";
    EXPECT_TRUE(Tendril.sync(pump));
  });
  Tendril.onDisconnected([] { happened += "-"; });
  const int timer = Tendril.every(1000, [] { ticks++; });
  Tendril.begin(w.product);
  Tendril.begin(w.product);  // again is nothing
  EXPECT_FALSE(Tendril.sync()) << "offline";
  EXPECT_TRUE(Tendril.write(V5, 7)) << "kept for later";
  ASSERT_TRUE(w.runUntilIs([] { return Tendril.connected(); }, 20000));
  w.run(1000);
  EXPECT_EQ("+", happened);
  const auto said = [&](const std::string& body) { return std::find(w.cloud.frames.begin(), w.cloud.frames.end(), body) != w.cloud.frames.end(); };
  EXPECT_TRUE(said("vw|5|7"));
  EXPECT_TRUE(said("vr|1"));

  w.cloudSends(std::string("\x14\0\x09\0\x06vw\0" "1\0" "1", 11));
  w.cloudSends(std::string("\x14\0\x0A\0\x0Dvw\0" "2\0a\0b\0" "2.5\0", 18));
  w.cloudSends(std::string("\x14\0\x0B\0\x04vr\0" "0", 9));
  w.cloudSends(std::string("\x14\0\x0C\0\x04vr\0" "9", 9));  // has no answer
  w.cloudSends(std::string("\x14\0\x0D\0\x04vr\0" "8", 9));  // nobody reads it
  w.cloudSends(std::string("\x14\0\x0E\0\x06vw\0" "8\0" "1", 11));  // nor hears it
  w.run(1000);
  EXPECT_EQ((std::vector<std::string>{"pump 1", "a/b/2.500000"}), heard);
  EXPECT_TRUE(said("vw|7|acknowledged"));
  EXPECT_TRUE(said("vw|0|42.5"));

  EXPECT_TRUE(Tendril.write(V10, "text") && Tendril.write(V11, true) && Tendril.write(V12, 1.25F) && Tendril.write(V13, 7U));
  EXPECT_TRUE(Tendril.write(V14, 8L) && Tendril.write(V15, 9UL) && Tendril.write(V16, 10LL) && Tendril.write(V17, 11ULL));
  EXPECT_TRUE(Tendril.write(V18, 52.5, 13.4) && Tendril.write(V19, "a", 1, true));
  EXPECT_TRUE(Tendril.logEvent("dry", "The soil is dry") && Tendril.sync());
  w.run(3000);
  for (const char* body : {"vw|10|text", "vw|11|1", "vw|12|1.25", "vw|13|7", "vw|14|8", "vw|15|9", "vw|16|10", "vw|17|11", "vw|18|52.5|13.4", "vw|19|a|1|1",
                           "dry|The soil is dry"}) {
    EXPECT_TRUE(said(body)) << body;
  }
  EXPECT_FALSE(Tendril.write(V20, std::string(5000, 'x').c_str())) << "too long for any frame";
  EXPECT_FALSE(Tendril.write(V20, std::string(200, 'x').c_str(), 1)) << "too long for a row";

  w.cloudSends(std::string("\x11\0\x0F\0\x0Ertc\0" "1000000000", 19));
  w.run(100);
  EXPECT_EQ(1000000000U, Tendril.clock());
  EXPECT_NEAR(8, ticks, 4);
  Tendril.cancel(timer);
  EXPECT_NE(-1, Tendril.after(10, [] { ticks = -1; }));
  w.typed = "status\n";
  w.hangUp();
  w.run(1000);
  EXPECT_EQ("+-", happened);
  EXPECT_EQ(-1, ticks);
  EXPECT_NE(std::string::npos, w.log.back().find("waiting")) << w.log.back();
  world = nullptr;
}

TEST(Sketch, Values) {
  const std::string fields("a\0-17\0" "2.5", 9);
  const Value v(text(fields));
  EXPECT_STREQ("a", v.asString());
  EXPECT_EQ("a", string(v.text()));
  EXPECT_EQ(-17, v[1].asInt());
  EXPECT_EQ(-17, v[1].asLong());
  EXPECT_TRUE(v[1].asBool());
  EXPECT_DOUBLE_EQ(2.5, v[2].asDouble());
  EXPECT_FLOAT_EQ(2.5F, v[2].asFloat());
  EXPECT_FALSE(v[2].isEmpty());
  EXPECT_TRUE(v[3].isEmpty());
  EXPECT_TRUE(v[300].isEmpty());
  EXPECT_EQ(0, v[3].asInt());
  EXPECT_EQ(fields.size(), v.size());
  EXPECT_TRUE(Value(tendril::Text()).isEmpty());
}

TEST(Sketch, Numbers) {
  const auto of = [](auto value) { return string(Number(value).text()); };
  EXPECT_EQ("0", of(0L));
  EXPECT_EQ("-1", of(-1L));
  EXPECT_EQ("-9223372036854775808", of(std::numeric_limits<long long>::min()));
  EXPECT_EQ("18446744073709551615", of(std::numeric_limits<unsigned long long>::max()));
  const std::pair<double, const char*> kDoubles[] = {
      {0, "0"}, {-0.0, "0"}, {21.5, "21.5"}, {-21.5, "-21.5"}, {0.1, "0.1"}, {1.0 / 3, "0.333333"}, {2.0 / 3, "0.666667"}, {0.9999999, "1"},
      {99.99999999, "100"}, {1e-9, "0"}, {-1e-9, "0"}, {123456789.25, "123456789.25"}, {1e15, "1e15"}, {1.5e300, "1.5e300"}, {-2e20, "-2e20"},
      {100, "100"}, {1000000, "1000000"}, {9.9999999e20, "10e20"},
      {std::nan(""), ""}, {INFINITY, ""}, {-INFINITY, ""},
  };
  for (const auto& [value, want] : kDoubles) {
    EXPECT_EQ(want, of(value));
  }
  EXPECT_EQ("3.14", string(Number(3.14159, 2).text()));
  EXPECT_EQ("3", string(Number(3.14159, 0).text()));
  EXPECT_EQ("0.123456789", string(Number(0.123456789, 20).text()));
}

TEST(Sketch, Timers) {
  static int every, once;
  every = once = 0;
  Timers timers;
  tendril::Millis now = 0xFFFFFF00;
  const int regular = timers.every(100, [] { every++; });
  timers.after(250, [] { once++; });
  for (int i = 0; i < 1001; i++) timers.run(now++);
  EXPECT_EQ(10, every);
  EXPECT_EQ(1, once);
  // Late, it is called once.
  timers.run(now += 10000);
  EXPECT_EQ(11, every);
  timers.cancel(regular);
  timers.cancel(-1);
  timers.cancel(99);
  timers.run(now += 1000);
  EXPECT_EQ(11, every);
  for (int i = 0; i < Timers::kTimers; i++) EXPECT_EQ(i, timers.setTimeout(0, [] { once++; }));
  EXPECT_EQ(-1, timers.setInterval(1, [] {}));
  timers.deleteTimer(3);
  timers.run(now);
  timers.run(now + 1);
  EXPECT_EQ(Timers::kTimers, once);
}

TEST(Button, IsDebounced) {
  tendril::Button button;
  tendril::Millis now = 1000;
  const auto tick = [&](bool pressed, uint32_t milliseconds) {
    bool released = false;
    for (uint32_t i = 0; i < milliseconds; i++) released = button.tick(pressed, now++) || released;
    return released;
  };
  EXPECT_FALSE(tick(false, 100));
  EXPECT_FALSE(tick(true, 20)) << "a spark";
  EXPECT_FALSE(tick(false, 100));
  EXPECT_EQ(0U, button.heldSoFar(now));
  // It bounces, is held, bounces, and is let go.
  for (int i = 0; i < 5; i++) EXPECT_FALSE(tick(i % 2 == 0, 5));
  EXPECT_FALSE(tick(true, 3000));
  EXPECT_NEAR(3000, button.heldSoFar(now), 40);
  EXPECT_FALSE(tick(false, 10));
  EXPECT_FALSE(tick(true, 10));
  EXPECT_TRUE(tick(false, 100));
  EXPECT_NEAR(3020, button.held(), 40);
  EXPECT_FALSE(button.pressed());
}

TEST(Light, ShowsEachStateInItsOwnWay) {
  // A second pattern of two seconds, in steps of 10 ms, from its beginning.
  const auto shown = [](tendril::State state, tendril::Cue cue) {
    tendril::Light light;
    std::string pattern;
    for (tendril::Millis now = 0xFFFFFE00; pattern.size() < 400; now += 10) pattern += light.tick(state, cue, now) > 0 ? '#' : '.';
    return pattern;
  };
  using tendril::Cue;
  using tendril::State;
  std::map<std::string, std::string> seen;
  for (uint8_t s = 0; s < tendril::kStates; s++) {
    const auto state = static_cast<State>(s);
    const std::string name = nameOf(state), pattern = shown(state, Cue::None);
    if (state == State::Restarting) continue;  // dark, as what it goes into
    EXPECT_EQ("", seen[pattern]) << name;
    seen[pattern] = name;
    // Whatever the state, the button's cues are the same.
    EXPECT_EQ(shown(State::Online, Cue::Opens), shown(state, Cue::Opens));
    EXPECT_EQ(shown(State::Online, Cue::Erases), shown(state, Cue::Erases));
  }
  for (const Cue cue : {Cue::Opens, Cue::Erases}) {
    EXPECT_EQ("", seen[shown(State::Online, cue)]);
    seen[shown(State::Online, cue)] = "cue";
  }
  EXPECT_EQ(std::string(400, '#'), shown(State::Online, Cue::None));
  EXPECT_EQ(std::string(400, '.'), shown(State::Starting, Cue::None));
}

TEST(Light, FollowsTheButton) {
  World w;
  w.powerOn();
  w.runUntil(tendril::State::Setup);
  const auto changes = [&](uint32_t milliseconds) {
    int n = 0;
    for (uint32_t passed = 0; passed < milliseconds; passed += 10) {
      const uint8_t before = w.light;
      w.run(10);
      n += w.light != before;
    }
    return n;
  };
  w.buttonHeld = true;
  w.run(1000);
  EXPECT_NEAR(4, changes(2000), 1);
  w.run(100);
  EXPECT_NEAR(13, changes(2000), 2) << "letting go opens the setup network";
  w.run(5000);
  EXPECT_NEAR(50, changes(2000), 3) << "letting go erases";
}

// What the console answers to a line.
std::string typed(World& w, const std::string& line) {
  tendril::Console console(w.device(), w.port().board);
  w.log.clear();
  w.typed = line;
  console.tick();
  std::string answer;
  for (const std::string& l : w.log) answer += l + "\n";
  return answer;
}

TEST(Console, AnswersWhatEdgentsDoes) {
  World w;
  w.powerOn();
  ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOpen(); }, 10000));
  EXPECT_EQ("{\"board\":\"Test\",\"tmpl_id\":\"TMPLplant001\",\"fw_type\":\"TMPLplant001\",\"fw_ver\":\"0.1.0\",\"build\":\"0.1.0\"}\n", typed(w, "devinfo\n"));
  EXPECT_EQ("{\"ssid\":\"\",\"mac\":\"02:00:5E:10:00:01\",\"ip\":\"\",\"rssi\":0,\"setup_ssid\":\"Blynk myPlant\"}\n", typed(w, " netinfo \r\n"));
  EXPECT_EQ("{\"state\":\"setup\",\"last_error\":0,\"configured\":false}\n", typed(w, "status\n"));
  EXPECT_EQ("{\"status\":\"error\",\"msg\":\"no such command; type help\"}\n", typed(w, "selfdestruct\n"));
  EXPECT_EQ("{\"status\":\"error\",\"msg\":\"no command is so long; type help\"}\n", typed(w, std::string(500, 'x') + "\n"));
  EXPECT_EQ("{\"status\":\"error\",\"msg\":\"config, config start or config erase\"}\n", typed(w, "config now\n"));
  EXPECT_EQ("", typed(w, "\n\r\n  \n"));
  EXPECT_EQ("", typed(w, "half a line"));
  EXPECT_NE(std::string::npos, typed(w, "help\n").find("reboot: restarts"));

  EXPECT_EQ(200, w.handOver(home("Home")));
  ASSERT_TRUE(w.runUntil(tendril::State::Online));
  EXPECT_EQ("{\"ssid\":\"Home\",\"mac\":\"02:00:5E:10:00:01\",\"ip\":\"192.168.4.77\",\"rssi\":-61,\"setup_ssid\":\"\"}\n", typed(w, "netinfo\n"));
  w.run(60000, 100);
  EXPECT_NE(std::string::npos, typed(w, "sysinfo\n").find("\"reset_reason\":\"restart\"")) << typed(w, "sysinfo\n");

  const int before = w.restarts;
  EXPECT_NE(std::string::npos, typed(w, "reboot\n").find("OK"));
  ASSERT_TRUE(w.runUntilIs([&] { return w.restarts == before + 1; }, 1000));
  ASSERT_TRUE(w.runUntil(tendril::State::Online));
  EXPECT_NE(std::string::npos, typed(w, "config\n").find("OK"));
  ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOpen(); }, 10000));
  EXPECT_TRUE(w.device().isConfigured());
  EXPECT_NE(std::string::npos, typed(w, "config erase\n").find("OK"));
  ASSERT_TRUE(w.runUntilIs([&] { return w.restarts == before + 2; }, 1000));
  EXPECT_FALSE(w.device().isConfigured());
}

}  // namespace
