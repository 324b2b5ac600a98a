#include <Tendril/Link/Link.h>
#include <Tendril/Text/Writer.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "Configurations.h"
#include "FakeCloud.h"

using tendril::Code;
using tendril::Command;
using tendril::Link;

namespace {

class LinkTest : public testing::Test, public tendril::LinkEvents {
 public:
  void onWrite(uint8_t pin, tendril::Text value) override {
    heard.push_back("V" + std::to_string(pin) + "=" + string(value));
    if (pin == 99) link.end();
    if (pin == 98) link.write(1, "echo");
  }
  bool onRead(uint8_t pin, tendril::Writer& into) override {
    if (pin == 8) {
      for (int i = 0; i < 300; i++) into.put('x');
      return true;
    }
    into.put("7");
    return pin == 3;
  }
  void onTime(uint32_t seconds) override { heard.push_back("time " + std::to_string(seconds)); }
  void onUtc(tendril::Text what, tendril::Text value) override { heard.push_back("utc " + string(what) + "=" + string(value)); }
  void onMeta(tendril::Text field, tendril::Text value) override { heard.push_back("meta " + string(field) + "=" + string(value)); }
  void onRestart() override { heard.push_back("restart"); }
  void onUpdate(tendril::Text url) override { heard.push_back("update " + string(url)); }
  void onNotice(tendril::Text topic) override { heard.push_back(string(topic)); }

  void begin() {
    cloud = FakeCloud();
    link.begin(kToken, info, now);
  }
  // Ticks for so long, in steps of 100 ms.
  Link::State run(uint32_t milliseconds = 0) {
    for (uint32_t passed = 0; passed < milliseconds && link.state() != Link::State::Ended; passed += 100) {
      now += 100;
      link.tick(now);
    }
    return milliseconds == 0 ? link.tick(now) : link.state();
  }
  void online() {
    begin();
    cloud.toDevice = response(1, 200);
    ASSERT_EQ(run(), Link::State::Online);
    run();
    cloud.fromDevice.clear();
    heard.clear();
  }
  std::string sent() {
    run();
    std::string all;
    all.swap(cloud.fromDevice);
    return all;
  }

  FakeCloud cloud;
  tendril::Workspace workspace = {};
  tendril::Timing timing;
  tendril::Info info;
  Link link{cloud, *this, workspace, timing};
  // The clock wraps in the middle of it all.
  tendril::Millis now = 0xFFFFF000;
  std::vector<std::string> heard;
};

std::string redirectTo(const std::string& body) { return frame(Command::Redirect, 1, fields(body)); }

TEST_F(LinkTest, AnswersToTheLogin) {
  const struct {
    const char* name;
    std::string answer;
    Code want;
  } rows[] = {
      {"200", response(1, 200), Code::None},
      {"4, logged in", response(1, 4), Code::None},
      {"9", response(1, 9), Code::Token},
      {"19", response(1, 19), Code::CloudOther},
      {"1", response(1, 1), Code::CloudOther},
      {"another id", response(2, 200), Code::CloudOther},
      {"id 0", response(0, 200), Code::CloudOther},
      {"no answer", frame(Command::Ping, 1, ""), Code::CloudOther},
      {"a sign-in page", "HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n", Code::CaptivePortal},
      {"half an answer", response(1, 200).substr(0, 4), Code::Cloud},
      {"nothing", "", Code::Cloud},
      {"redirect to no port", redirectTo("a.example|0"), Code::CloudOther},
      {"redirect to a port beyond", redirectTo("a.example|65536"), Code::CloudOther},
      {"redirect to a word", redirectTo("a.example|http"), Code::CloudOther},
      {"redirect to no host", redirectTo("|80"), Code::CloudOther},
      {"redirect to nothing", redirectTo(""), Code::CloudOther},
      {"redirect too far", redirectTo(std::string(64, 'x') + "|80"), Code::CloudOther},
  };
  for (const auto& row : rows) {
    for (const size_t chunk : {FakeCloud::kAll, size_t{1}}) {
      SCOPED_TRACE(row.name);
      begin();
      EXPECT_EQ(cloud.fromDevice, frame(Command::Login, 1, kToken));
      cloud.chunk = chunk;
      cloud.toDevice = row.answer;
      cloud.hungUp = cloud.refuses = true;
      for (int i = 0; i < 100 && link.state() == Link::State::LoggingIn; i++) link.tick(now);
      if (row.want == Code::None) {
        // The cloud has said yes, even if the connection is over by now.
        EXPECT_EQ(link.state(), Link::State::Online);
        run();
        EXPECT_EQ(link.code(), Code::Cloud);
      } else {
        EXPECT_EQ(link.code(), row.want);
      }
      EXPECT_EQ(link.state(), Link::State::Ended);
      EXPECT_TRUE(cloud.closed);
      tendril::Field<tendril::kMaxRedirectHost> host;
      uint16_t port = 0;
      EXPECT_FALSE(link.redirected(host, port));
      // The token doesn't stay behind.
      EXPECT_EQ(memchr(workspace.bytes, 'a', sizeof workspace.bytes), nullptr);
    }
  }
}

TEST_F(LinkTest, Redirects) {
  const struct {
    std::string body;
    std::string host;
    uint16_t port;
  } rows[] = {{"a.example|9443", "a.example", 9443}, {"a.example", "a.example", 80}, {"a.example|", "a.example", 80}, {std::string(63, 'h') + "|1", std::string(63, 'h'), 1}};
  for (const auto& row : rows) {
    for (const bool loggedIn : {false, true}) {
      begin();
      if (loggedIn) online();
      cloud.toDevice = redirectTo(row.body);
      EXPECT_EQ(run(), Link::State::Ended);
      EXPECT_EQ(link.code(), Code::None);
      tendril::Field<tendril::kMaxRedirectHost> host;
      uint16_t port = 0;
      ASSERT_TRUE(link.redirected(host, port));
      EXPECT_EQ(string(host.text()), row.host);
      EXPECT_EQ(port, row.port);
    }
  }
}

TEST_F(LinkTest, PatienceForTheLogin) {
  begin();
  EXPECT_EQ(run(5900), Link::State::LoggingIn);
  EXPECT_EQ(run(100), Link::State::Ended);
  EXPECT_EQ(link.code(), Code::Cloud);
}

// As protocol/testdata/info.json has it of a library of 1.4.
TEST_F(LinkTest, InfoIsOfTheNewShape) {
  info = {"0.1.2", "TMPLabcdefgh", "Nov 1 2026", "1.4.0", "ESP8266", "x", "ESP8266", "TMPLabcdefgh"};
  begin();
  cloud.fromDevice.clear();
  cloud.toDevice = response(1, 200);
  run();
  const std::string body = fields("mcu|0.1.2|fw-type|TMPLabcdefgh|build|Nov 1 2026|blynk|1.4.0|h-beat|40|buff-in|1024|dev|ESP8266|cpu|x|con|ESP8266|tmpl|TMPLabcdefgh");
  EXPECT_EQ(sent(), frame(Command::Info, 2, body));

  // What isn't known, or is too long for any frame of ours, is left out.
  const std::string longBuild(600, 'b');
  info = {"", "", text(longBuild), "", "Board", "", "", "TMPLx"};
  begin();
  cloud.fromDevice.clear();
  cloud.toDevice = response(1, 200);
  run();
  EXPECT_EQ(sent(), frame(Command::Info, 2, fields("h-beat|40|buff-in|1024|dev|Board|tmpl|TMPLx")));
}

TEST_F(LinkTest, WhatTheCloudSends) {
  const struct {
    Command command;
    std::string body;
    std::string heard;
  } rows[] = {
      {Command::Hardware, "vw|5|1", "V5=1"},
      {Command::Hardware, "vw|5|a|b", fields("V5=a|b")},
      {Command::Hardware, "vw|5|1|", "V5=1"},
      {Command::Hardware, "vw|5|", "V5="},
      {Command::Bridge, "vw|6|x", "V6=x"},
      {Command::Hardware, "dw|13|1", ""},
      {Command::Info, "rtc|1000000000", "time 1000000000"},
      {Command::Info, "rtc|soon", ""},
      {Command::Info, "rtc", ""},
      {Command::Info, "utc|tz|120|60", fields("utc tz=120|60")},
      {Command::Info, "meta|Device Name|Plant", "meta Device Name=Plant"},
      {Command::Info, "ota|http://a.example/f.bin", "update http://a.example/f.bin"},
      {Command::Info, "dbg|reboot", "restart"},
      {Command::Info, "dbg|reboot later", "dbg"},
      {Command::Info, "dbg", "dbg"},
      {Command::Info, "acon", "acon"},
      {Command::Info, "color|red", ""},
      {Command::Response, "", ""},
      {Command::Print, "hello", ""},
      {Command::Login, "hello", ""},
      {Command::Hardware, "pm|13|out", ""},
      {Command::Hardware, "vr|4", ""},
      {Command::Hardware, "vr|8", ""},
  };
  online();
  for (const auto& row : rows) {
    SCOPED_TRACE(row.body);
    heard.clear();
    cloud.toDevice = frame(row.command, 5, fields(row.body));
    EXPECT_EQ(sent(), "");
    EXPECT_EQ(heard, row.heard.empty() ? std::vector<std::string>() : std::vector<std::string>{row.heard});
    ASSERT_TRUE(link.isOnline());
  }
}

TEST_F(LinkTest, WhatTheCloudIsAnswered) {
  const struct {
    Command command;
    std::string body;
    std::string answer;
  } rows[] = {
      {Command::Ping, "", response(77, 200)},
      {Command::Hardware, "vr|3", frame(Command::Hardware, 77, fields("vw|3|7"))},
      {Command::Hardware, "dr|7", frame(Command::Hardware, 77, fields("dw|7|0"))},
      {Command::Hardware, "ar|3", frame(Command::Hardware, 77, fields("aw|3|0"))},
      {Command::Hardware, "xx|3", response(77, 2)},
      {Command::Hardware, "xr|3", response(77, 2)},
      {Command::Hardware, "vx|3", response(77, 2)},
      {Command::Hardware, "dr|999", response(77, 2)},
      {Command::Hardware, "vw|05|1", response(77, 2)},
      {Command::Hardware, "vw|5", response(77, 2)},
      {Command::Hardware, "", response(77, 2)},
  };
  online();
  for (const auto& row : rows) {
    SCOPED_TRACE(row.body);
    cloud.toDevice = frame(row.command, 77, fields(row.body));
    EXPECT_EQ(sent(), row.answer);
  }
}

TEST_F(LinkTest, WhatTheDeviceSends) {
  online();
  uint16_t id = 2;
  const auto want = [&](Command command, const std::string& body) { EXPECT_EQ(sent(), frame(command, ++id, fields(body))) << body; };
  EXPECT_TRUE(link.write(5, "21.5"));
  want(Command::Hardware, "vw|5|21.5");
  EXPECT_TRUE(link.write(255, {"a\0b", 3}));
  want(Command::Hardware, "vw|255|a|b");
  EXPECT_TRUE(link.sync());
  want(Command::Sync, "");
  EXPECT_TRUE(link.sync(12));
  want(Command::Sync, "vr|12");
  EXPECT_TRUE(link.askTime());
  want(Command::Info, "rtc|sync");
  EXPECT_TRUE(link.askUtc("tz_rule"));
  want(Command::Info, "utc|tz_rule");
  EXPECT_TRUE(link.askMeta("Device Name"));
  want(Command::Info, "meta|get|Device Name");
  EXPECT_TRUE(link.setMeta("Hotspot Name", "Plant-1234"));
  want(Command::Info, "meta|set|Hotspot Name|Plant-1234");
  EXPECT_TRUE(link.setProperty(5, "color", "#D3435C"));
  want(Command::Property, "5|color|#D3435C");
  EXPECT_TRUE(link.logEvent("dry", "The soil is dry"));
  want(Command::Event, "dry|The soil is dry");
  EXPECT_TRUE(link.logEvent("dry", ""));
  want(Command::Event, "dry");
  EXPECT_TRUE(link.resolveEvent("dry"));
  want(Command::EventClear, "dry");
  EXPECT_FALSE(link.write(1, text(std::string(tendril::kOutbox, 'x'))));
  EXPECT_FALSE(link.logEvent("", "x"));
  EXPECT_FALSE(link.logEvent({"a\0b", 3}, "x"));
  EXPECT_FALSE(link.resolveEvent(""));
  EXPECT_EQ(sent(), "");
}

TEST_F(LinkTest, IdsAreNeverZero) {
  online();
  std::string all;
  for (uint32_t i = 0; i < 70000; i++) {
    ASSERT_TRUE(link.askTime());
    ASSERT_FALSE(cloud.fromDevice[1] == 0 && cloud.fromDevice[2] == 0) << i;
    cloud.fromDevice.clear();
  }
}

TEST_F(LinkTest, BreachesEndTheLink) {
  const struct {
    const char* name;
    std::string bytes;
  } rows[] = {
      {"unknown command", frame(static_cast<Command>(12), 5, "x")},
      {"id 0", frame(Command::Ping, 0, "")},
      {"beyond the buffer", frame(Command::Hardware, 5, std::string(tendril::kMaxFrame - 4, 'x'))},
      {"login forgotten", response(5, 5)},
      {"redirect to nowhere", redirectTo("|80")},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    online();
    // The header alone is enough to see it.
    cloud.toDevice = row.bytes;
    EXPECT_EQ(run(), Link::State::Ended);
    EXPECT_EQ(link.code(), Code::CloudOther);
    EXPECT_TRUE(cloud.closed);
    EXPECT_FALSE(link.sync());
    EXPECT_EQ(run(), Link::State::Ended);
  }
  online();
  cloud.toDevice = frame(Command::Hardware, 5, fields("vw|1|" + std::string(tendril::kMaxFrame - 10, 'x')));
  EXPECT_EQ(run(), Link::State::Online);
  EXPECT_EQ(heard.size(), 1u);
}

// Quiet both ways for a heartbeat: a ping. Talking doesn't replace hearing. A
// heartbeat and 18 s after the last word it is over.
TEST_F(LinkTest, Heartbeat) {
  timing.heartbeatSeconds = 10;
  online();
  run(9900);
  EXPECT_EQ(cloud.fromDevice, "");
  run(100);
  EXPECT_EQ(sent(), frame(Command::Ping, 3, ""));
  cloud.toDevice = response(3, 200);
  run();
  for (int i = 0; i < 3; i++) {
    run(3000);
    link.write(1, "1");
  }
  EXPECT_EQ(sent().size(), 3 * frame(Command::Hardware, 1, fields("vw|1|1")).size());
  run(900);
  EXPECT_EQ(cloud.fromDevice, "");
  run(100);
  EXPECT_EQ(sent(), frame(Command::Ping, 7, ""));
  // Writes get no answer, but the cloud's own words are as good as one.
  cloud.toDevice = frame(Command::Hardware, 9, fields("vw|1|1"));
  run();
  run(27900);
  EXPECT_TRUE(link.isOnline());
  run(100);
  EXPECT_EQ(link.state(), Link::State::Ended);
  EXPECT_EQ(link.code(), Code::Cloud);
}

// A cloud that lets its words drip has fallen silent, too.
TEST_F(LinkTest, HalfAFrameIsSilence) {
  timing.heartbeatSeconds = 10;
  online();
  const std::string bytes = frame(Command::Hardware, 5, std::string(500, 'x'));
  for (size_t i = 0; i < 100 && link.isOnline(); i++) {
    cloud.toDevice += bytes[i];
    run(300);
  }
  EXPECT_EQ(link.code(), Code::Cloud);
}

TEST_F(LinkTest, ANetworkThatTakesNothing) {
  online();
  cloud.takes = 3;
  EXPECT_TRUE(link.write(1, "1"));
  run(9900);
  EXPECT_TRUE(link.isOnline());
  run(200);
  EXPECT_EQ(link.state(), Link::State::Ended);
  EXPECT_EQ(link.code(), Code::Cloud);
}

// While the network takes little, only the newest value of a pin waits; a frame that
// is begun goes out as it was, and an answer doesn't get into the middle of it.
TEST_F(LinkTest, ASlowNetwork) {
  online();
  cloud.takes = 7;
  link.write(1, "first");
  link.write(1, "second");
  link.write(2, "other");
  link.write(1, "third");
  cloud.toDevice = frame(Command::Ping, 9, "");
  run(1000);
  EXPECT_EQ(cloud.fromDevice.size(), 7u);
  cloud.takes = FakeCloud::kAll;
  run(100);
  EXPECT_EQ(cloud.fromDevice, frame(Command::Hardware, 3, fields("vw|1|first")) + response(9, 200) + frame(Command::Hardware, 4, fields("vw|2|other")) +
                                  frame(Command::Hardware, 5, fields("vw|1|third")));
}

// A cloud that asks and doesn't listen isn't heard until it does.
TEST_F(LinkTest, QuestionsWaitForRoom) {
  online();
  cloud.takes = 0;
  for (int i = 0; i < 500; i++) cloud.toDevice += frame(Command::Hardware, 5, fields("vr|3"));
  run(1000);
  EXPECT_TRUE(link.isOnline());
  EXPECT_FALSE(cloud.toDevice.empty());
  for (int i = 0; i < 1000 && link.askTime(); i++) {
  }
  EXPECT_FALSE(link.askTime());
  cloud.takes = FakeCloud::kAll;
  run(2000);
  size_t answers = 0;
  const std::string answer = frame(Command::Hardware, 5, fields("vw|3|7"));
  for (size_t at = cloud.fromDevice.find(answer); at != std::string::npos; at = cloud.fromDevice.find(answer, at + 1)) answers++;
  EXPECT_EQ(answers, 500u);
}

TEST_F(LinkTest, ValuesAreSentAtAPace) {
  online();
  for (int i = 0; i < 200; i++) link.write(static_cast<uint8_t>(i), "1");
  const size_t each = frame(Command::Hardware, 1, fields("vw|1|1")).size();
  EXPECT_LT(cloud.fromDevice.size(), 40 * each + 100);
  cloud.fromDevice.clear();
  run(1000);
  EXPECT_GE(cloud.fromDevice.size(), 20 * each);
  EXPECT_LT(cloud.fromDevice.size(), 21 * (each + 2));
}

// What is written offline, or was begun and not sent in whole, is sent after the next
// login; of a pin the newest.
TEST_F(LinkTest, WhatWasWrittenOffline) {
  link.write(1, "old");
  link.write(2, "2");
  link.write(1, "new");
  link.logEvent("dry", "");
  link.resolveEvent("dry");
  EXPECT_FALSE(link.sync());
  begin();
  link.write(3, "while logging in");
  EXPECT_EQ(sent(), frame(Command::Login, 1, kToken));
  cloud.toDevice = response(1, 200);
  run();
  const std::string all = sent();
  const std::string head = frame(Command::Info, 2, fields("h-beat|40|buff-in|1024"));
  const std::string values = frame(Command::Hardware, 3, fields("vw|2|2")) + frame(Command::Hardware, 4, fields("vw|1|new")) + frame(Command::Event, 5, "dry") +
                             frame(Command::EventClear, 6, "dry") + frame(Command::Hardware, 7, fields("vw|3|while logging in"));
  EXPECT_EQ(all, head + values);

  cloud.takes = 8;
  link.write(4, "torn");
  link.end();
  EXPECT_EQ(link.code(), Code::None);
  online();
  EXPECT_EQ(sent(), "");
  begin();
  link.write(5, "5");
  link.forget();
  cloud.toDevice = response(1, 200);
  run();
  EXPECT_EQ(sent(), frame(Command::Login, 1, kToken) + head);
}

TEST_F(LinkTest, ATornFrameGoesAgain) {
  const std::string infoFrame = frame(Command::Info, 2, fields("h-beat|40|buff-in|1024"));
  for (const std::string& newer : {std::string("torn"), std::string("newer")}) {
    online();
    cloud.takes = 8;
    link.write(4, "torn");
    cloud.hungUp = true;
    EXPECT_EQ(run(), Link::State::Ended);
    if (newer != "torn") link.write(4, text(newer));
    begin();
    EXPECT_EQ(sent(), frame(Command::Login, 1, kToken));
    cloud.toDevice = response(1, 200);
    run();
    EXPECT_EQ(sent(), infoFrame + frame(Command::Hardware, 3, fields("vw|4|" + newer)));
  }
}

TEST_F(LinkTest, ForgettingLeavesAFrameWhole) {
  online();
  cloud.takes = 8;
  link.write(4, "torn");
  link.write(5, "forgotten");
  link.forget();
  cloud.takes = FakeCloud::kAll;
  EXPECT_EQ(sent(), frame(Command::Hardware, 3, fields("vw|4|torn")));
  link.write(6, "6");
  EXPECT_EQ(sent(), frame(Command::Hardware, 4, fields("vw|6|6")));
}

// When the outbox is full, what has waited longest makes room.
TEST_F(LinkTest, AFullOutbox) {
  for (int i = 0; i < 256; i++) EXPECT_TRUE(link.write(static_cast<uint8_t>(i), "some value"));
  begin();
  cloud.toDevice = response(1, 200);
  run();
  run(20000);
  EXPECT_EQ(cloud.fromDevice.find(fields("vw|0|some value")), std::string::npos);
  for (int i = 250; i < 256; i++) EXPECT_NE(cloud.fromDevice.find(fields("vw|" + std::to_string(i) + "|some value")), std::string::npos) << i;
}

TEST_F(LinkTest, HandlersMayEndAndWrite) {
  online();
  cloud.toDevice = frame(Command::Hardware, 5, fields("vw|98|1"));
  EXPECT_EQ(sent(), frame(Command::Hardware, 3, fields("vw|1|echo")));
  cloud.toDevice = frame(Command::Hardware, 5, fields("vw|99|1")) + frame(Command::Hardware, 5, fields("vw|5|1"));
  EXPECT_EQ(run(), Link::State::Ended);
  EXPECT_EQ(link.code(), Code::None);
  EXPECT_EQ(heard, (std::vector<std::string>{"V98=1", "V99=1"}));
}

TEST_F(LinkTest, AWriteFindsTheConnectionOver) {
  online();
  cloud.hungUp = cloud.refuses = true;
  EXPECT_TRUE(link.write(1, "1"));
  EXPECT_EQ(link.state(), Link::State::Ended);
  EXPECT_EQ(link.code(), Code::Cloud);
}

// Something that a cloud may say, or that no cloud may.
std::string saying(std::mt19937& random) {
  static const std::string kBodies[] = {"vw|5|1", "vw|5|a|b", "vw|300|1", "vr|3", "vr|4", "dr|7", "aw|1|2", "pm|1|out", "rtc|1000000000", "utc|tz|120|60", "dbg|reboot", "ota|http://a.example/f", "", "|", "x"};
  static const Command kCommands[] = {Command::Hardware, Command::Hardware, Command::Hardware, Command::Info, Command::Info, Command::Ping, Command::Bridge, Command::Print};
  const auto id = static_cast<uint16_t>(random() % 65535 + 1);
  std::string bytes = frame(kCommands[random() % std::size(kCommands)], id, fields(kBodies[random() % std::size(kBodies)]));
  if (random() % 16 == 0) bytes = response(id, static_cast<uint16_t>(random() % 20));
  if (random() % 40 == 0) bytes[random() % bytes.size()] = static_cast<char>(random());
  if (random() % 40 == 0) bytes.pop_back();
  return bytes;
}

// However the network cuts what the cloud says, and however slowly it takes the
// answers: the device hears, answers and ends alike.
TEST_F(LinkTest, CutsMeanNothing) {
  for (unsigned seed = 0; seed < 500; seed++) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::string said;
    for (size_t i = random() % 40; i > 0; i--) said += saying(random);

    std::vector<std::string> wantHeard;
    std::string wantSent;
    Link::State wantState = Link::State::Ended;
    Code wantCode = Code::None;
    for (const bool cut : {false, true}) {
      online();
      cloud.toDevice = said;
      cloud.takes = cut ? 0 : FakeCloud::kAll;
      for (int i = 0; i < 3000 && (!cloud.toDevice.empty() || i < 100) && link.isOnline(); i++) {
        if (cut) {
          cloud.chunk = random() % 9;
          cloud.takes += random() % 16;
        }
        link.tick(now += 1);
      }
      if (!cut) {
        wantHeard = heard;
        wantSent = cloud.fromDevice;
        wantState = link.state();
        wantCode = link.code();
        continue;
      }
      cloud.chunk = cloud.takes = FakeCloud::kAll;
      link.tick(now);
      EXPECT_EQ(heard, wantHeard);
      EXPECT_EQ(link.state(), wantState);
      EXPECT_EQ(link.code(), wantCode);
      // The answers to what came before a breach may be on their way still.
      EXPECT_EQ(cloud.fromDevice, wantSent.substr(0, link.isOnline() ? std::string::npos : cloud.fromDevice.size()));
    }
    if (HasFailure()) return;
  }
}

}  // namespace
