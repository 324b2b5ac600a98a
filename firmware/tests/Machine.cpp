// The setup state machine, state by state, as the virtual device's tests have it.
#include <Tendril/Store/Crc32.h>
#include <Tendril/Text/Digits.h>
#include <gtest/gtest.h>

#include <functional>

#include "FakeUpdater.h"
#include "World.h"

namespace {

using tendril::Code;
using tendril::State;

// The token of the n-th unit, or attempt.
std::string tokenOf(int n) {
  std::string token = kToken;
  token.replace(28, 4, std::to_string(1000 + n));
  return token;
}

tendril::Configuration homeOf(int n, const std::string& ssid = "Home") {
  tendril::Configuration c = home(ssid);
  c.token.set(text(tokenOf(n)));
  return c;
}

// A world whose device is in setup, fresh.
struct Fresh : World {
  explicit Fresh(uint32_t seed = 1) : World(seed) {
    powerOn();
    EXPECT_TRUE(runUntilIs([this] { return isOn() && device().isOpen(); }, 10000));
  }
};

// A world whose device is online with homeOf(0), proven.
struct Provisioned : Fresh {
  explicit Provisioned(uint32_t seed = 1) : Fresh(seed) {
    EXPECT_EQ(200, handOver(homeOf(0)));
    EXPECT_TRUE(runUntil(State::Online));
    EXPECT_TRUE(device().isConfigured());
    // Long enough that pauses begin anew.
    run(timing.settled + 1000, 100);
  }
  void openByButton() {
    hold(4000);
    EXPECT_TRUE(runUntilIs([this] { return device().isOpen(); }, 10000));
  }
};

bool backInSetup(World& w, uint32_t within = 200000) {
  return w.runUntilIs([&] { return w.isOn() && w.device().isOpen() && w.device().state() == State::Setup && w.restarts > 0; }, within);
}

TEST(Machine, TheNamesOfCodes) {
  EXPECT_EQ("none", nameOf(Code::None));
  EXPECT_EQ("wrong-password", nameOf(Code::WrongPassword));
  EXPECT_EQ("no-address", nameOf(Code::NoAddress));
  EXPECT_EQ("unknown", nameOf(static_cast<Code>(721)));
}

TEST(Machine, FromTheBoxToOnline) {
  World w;
  w.powerOn();
  ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOpen(); }, 10000));
  EXPECT_EQ(1, w.scans) << "it looks around before the setup network opens";
  EXPECT_EQ(200, w.handOver(homeOf(0)));
  ASSERT_TRUE(w.runUntil(State::Online));
  w.run(1000);
  const std::vector<std::string> want = {
      "setup_network_up Blynk myPlant", "configuration_received Home", "stored Home", "setup_network_gone Blynk myPlant", "restarting",
      "joining Home", "joined Home", "address Home", "resolved", "connected", "logging_in", "logged_in", "proven Home"};
  EXPECT_EQ(want, w.events);
  EXPECT_EQ(1, w.restarts);
  EXPECT_EQ(std::vector<std::string>{tokenOf(0)}, w.cloud.logins);
  EXPECT_EQ(std::vector<std::string>{"cloud.example:9443"}, w.cloud.hosts);
  EXPECT_FALSE(w.device().isOpen());
  EXPECT_EQ("Home", string(w.device().homeNetwork()));
  const std::vector<std::string>& f = w.cloud.frames;
  for (const char* said : {"meta|set|Hotspot Name|Blynk myPlant", "meta|set|IP Address|192.168.4.77", "meta|set|Reset Reason|restart", "rtc|sync"}) {
    EXPECT_NE(f.end(), std::find(f.begin(), f.end(), said)) << said;
  }
}

TEST(Machine, NothingOfTheHomeNetworkIsUpBesideTheSetupNetwork) {
  Provisioned w;
  w.openByButton();
  EXPECT_EQ(200, w.handOver(homeOf(1)));
  ASSERT_TRUE(w.runUntil(State::Online));
  for (const std::string& line : w.log) EXPECT_EQ(std::string::npos, line.find("VIOLATION")) << line;
}

TEST(Machine, TheLogTellsNoSecret) {
  Provisioned w;
  w.typed = "help\ndevinfo\nnetinfo\nsysinfo\nstatus\n";
  w.cloud.answer = 9;
  w.hangUp();
  w.run(5000);
  for (const std::string& line : w.log) {
    EXPECT_EQ(std::string::npos, line.find("secret-pass")) << line;
    EXPECT_EQ(std::string::npos, line.find(tokenOf(0))) << line;
  }
}

// Each way to fail, by a fresh device: its code is shown, and nothing is kept.
TEST(Machine, WhyItFailed) {
  const struct {
    const char* name;
    Code code;
    std::function<void(World&)> change;
  } kWays[] = {
      {"no such network", Code::NetworkNotFound, [](World& w) { w.routers.clear(); }},
      {"the router is off", Code::NetworkNotFound, [](World& w) { w.routers["Home"].up = false; }},
      {"it never answers", Code::Join, [](World& w) { w.routers["Home"].up = false; w.routers["Home"].swallows = true; }},
      {"wrong password", Code::WrongPassword, [](World& w) { w.routers["Home"].password = "another-pass"; }},
      {"no address", Code::NoAddress, [](World& w) { w.routers["Home"].dhcp = false; }},
      {"no name", Code::Dns, [](World& w) { w.routers["Home"].dns = false; }},
      {"names are never answered", Code::Dns, [](World& w) { w.routers["Home"].dns = false; w.routers["Home"].swallows = true; }},
      {"no internet", Code::CaptivePortal, [](World& w) { w.routers["Home"].internet = false; }},
      {"no cloud", Code::Cloud, [](World& w) { w.cloud.up = false; }},
      {"the cloud never answers", Code::Cloud, [](World& w) { w.cloud.up = false; w.cloud.swallows = true; }},
      {"another's certificate", Code::Tls, [](World& w) { w.cloud.untrusted = true; }},
      {"refused token", Code::Token, [](World& w) { w.cloud.answer = 9; }},
  };
  for (const auto& way : kWays) {
    SCOPED_TRACE(way.name);
    Fresh w;
    way.change(w);
    ASSERT_EQ(200, w.handOver(homeOf(0)));
    const tendril::Millis since = w.now;
    ASSERT_TRUE(backInSetup(w));
    EXPECT_EQ(way.code, w.device().lastError());
    EXPECT_FALSE(w.device().hasTrial());
    EXPECT_FALSE(w.device().isConfigured());
    EXPECT_EQ(1, w.count("discarded")) << "and no more";
    const bool quick = way.code == Code::NetworkNotFound || way.code == Code::WrongPassword;
    // Else two ceilings of a minute, three times.
    EXPECT_LE(tendril::elapsed(w.now, since), quick ? 12000U : 3 * 110000U);
    // It stays there: nothing is left to try.
    w.run(400000, 500);
    EXPECT_EQ(State::Setup, w.device().state());
    // What failed once may be handed over again, and succeed.
    w.routers["Home"] = Router();
    w.cloud = CloudSide();
    EXPECT_EQ(200, w.handOver(homeOf(0)));
    EXPECT_TRUE(w.runUntil(State::Online));
  }
}

TEST(Machine, ATryIsRepeatedBeforeItFails) {
  Fresh w;
  w.routers["Home"].up = false;
  w.handOver(homeOf(0));
  ASSERT_TRUE(w.runUntilIs([&] { return w.count("joining") == 2; }, 20000));
  w.routers["Home"].up = true;
  EXPECT_TRUE(w.runUntil(State::Online));
  EXPECT_EQ(0, w.count("failed"));
}

TEST(Machine, AnUnansweredLoginOfAFreshDeviceIsNeverForgotten) {
  for (const uint16_t answer : {CloudSide::kSilence, uint16_t{19}, uint16_t{1}}) {
    Fresh w;
    w.cloud.answer = answer;
    w.handOver(homeOf(0));
    ASSERT_TRUE(backInSetup(w));
    EXPECT_TRUE(w.device().hasTrial());
    EXPECT_NE(Code::None, w.device().lastError());
    // Idle, it tries again by itself, and fails, and opens again.
    ASSERT_TRUE(w.runUntilIs([&] { return w.cloud.logins.size() == 2; }, w.timing.trialIdle + 20000));
    ASSERT_TRUE(backInSetup(w));
    // Its power fails; what the cloud may know survives.
    w.powerOff();
    w.cloud.answer = 200;
    w.powerOn();
    EXPECT_TRUE(w.runUntil(State::Online));
    EXPECT_TRUE(w.device().isConfigured());
  }
}

TEST(Machine, ANineDiscardsATrialEvenAfterSilence) {
  Fresh w;
  w.cloud.answer = CloudSide::kSilence;
  w.handOver(homeOf(0));
  ASSERT_TRUE(backInSetup(w));
  w.cloud.answer = 9;
  ASSERT_TRUE(w.runUntilIs([&] { return w.count("discarded") == 1; }, w.timing.trialIdle + 20000));
  EXPECT_EQ(Code::Token, w.device().lastError());
  EXPECT_FALSE(w.device().hasTrial());
}

TEST(Machine, AFailedNewOneCostsNothing) {
  Provisioned w;
  w.openByButton();
  w.handOver(homeOf(1, "Elsewhere"));
  const int before = w.restarts;
  ASSERT_TRUE(w.runUntilIs([&] { return w.restarts > before && w.device().isOpen(); }, 60000));
  EXPECT_TRUE(w.device().isConfigured());
  EXPECT_FALSE(w.device().hasTrial());
  EXPECT_EQ(Code::NetworkNotFound, w.device().lastError());
  // Unused, it goes back to what works.
  ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOnline(); }, w.timing.setupIdle + 20000, 100));
  EXPECT_EQ(tokenOf(0), w.loggedIn());
}

TEST(Machine, AnUnansweredNewOneIsTriedInTurn) {
  Provisioned w;
  w.openByButton();
  w.cloud.answers[tokenOf(1)] = 19;
  w.handOver(homeOf(1));
  // Both in turn, with pauses, and the setup network stays closed.
  ASSERT_TRUE(w.runUntil(State::Online));
  EXPECT_EQ(tokenOf(0), w.loggedIn());
  EXPECT_EQ(1, w.count("setup_network_up Blynk myPlant") - 1) << "but by the button";
  // The proven one logs in: the turns have ended, and the other is given up.
  EXPECT_EQ(1, w.count("discarded"));
  EXPECT_FALSE(w.device().hasTrial());
}

TEST(Machine, ANewOneThatLogsInRetiresTheOneBefore) {
  Provisioned w;
  w.routers["Other"] = Router();
  w.openByButton();
  w.handOver(homeOf(1, "Other"));
  ASSERT_TRUE(w.runUntil(State::Online));
  w.powerOff();
  w.powerOn();
  ASSERT_TRUE(w.runUntil(State::Online));
  EXPECT_EQ(tokenOf(1), w.loggedIn());
  EXPECT_EQ("Other", string(w.device().homeNetwork()));
}

TEST(Machine, ARefusedProvenTokenIsKept) {
  Provisioned w;
  w.cloud.answer = 9;
  w.hangUp();
  ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOpen(); }, 20000));
  EXPECT_TRUE(w.device().isConfigured());
  EXPECT_EQ(Code::Token, w.device().lastError());
  const size_t logins = w.cloud.logins.size();
  w.run(w.timing.setupIdle - 20000, 100);
  EXPECT_EQ(logins, w.cloud.logins.size());
  // Idle, it asks again; somebody who uses the portal meanwhile isn't thrown out.
  w.ask("GET", "/board_info.json");
  w.run(30000, 100);
  EXPECT_TRUE(w.device().isOpen());
  w.cloud.answer = 200;
  EXPECT_TRUE(w.runUntilIs([&] { return w.device().isOnline(); }, w.timing.setupIdle, 100));
}

TEST(Machine, OutagesNeverOpenTheSetupNetwork) {
  const std::function<void(World&)> kOutages[] = {
      [](World& w) { w.routers["Home"].up = false; },       [](World& w) { w.routers["Home"] = {"secret-pass", false, false, true, true, false}; w.run(100); w.routers["Home"].up = true; },
      [](World& w) { w.routers["Home"].dns = false; w.hangUp(); }, [](World& w) { w.routers["Home"].internet = false; },
      [](World& w) { w.routers["Home"].password = "changed-pass"; w.routers["Home"].up = false; w.run(100); w.routers["Home"].up = true; },
      [](World& w) { w.cloud.up = false; },                 [](World& w) { w.cloud.answer = 19; w.hangUp(); },
      [](World& w) { w.cloud.answer = CloudSide::kSilence; w.hangUp(); }, [](World& w) { w.cloud.untrusted = true; w.hangUp(); },
  };
  for (const auto& outage : kOutages) {
    Provisioned w;
    outage(w);
    ASSERT_TRUE(w.runUntilIs([&] { return !w.device().isOnline(); }, 1000));
    const int opened = w.count("setup_network_up");
    w.run(3600000, 100);
    EXPECT_EQ(opened, w.count("setup_network_up"));
    EXPECT_FALSE(w.device().isOnline());
    const int tries = w.count("failed");
    EXPECT_GT(tries, 25) << "it goes on trying";
    EXPECT_LT(tries, 140) << "in measure";
    w.routers["Home"] = Router();
    w.cloud = CloudSide();
    EXPECT_TRUE(w.runUntil(State::Online, w.timing.join + w.timing.retryMax + 5000));
  }
}

TEST(Machine, ANetworkLostOnTheWayIsItsOwnFault) {
  for (const State where : {State::Checking, State::Connecting}) {
    Provisioned w;
    w.hangUp();
    ASSERT_TRUE(w.runUntil(where));
    w.routers["Home"].up = false;
    w.run(100);
    EXPECT_EQ(1, w.count("failed Home 701")) << nameOf(where);
  }
}

TEST(Machine, PausesGrowAndAreRandom) {
  Provisioned w;
  w.cloud.up = false;
  std::vector<uint32_t> pauses;
  for (int i = 0; i < 8; i++) {
    ASSERT_TRUE(w.runUntil(State::Waiting));
    const tendril::Millis since = w.now;
    ASSERT_TRUE(w.runUntilIs([&] { return w.device().state() != State::Waiting; }, 70000));
    pauses.push_back(tendril::elapsed(w.now, since));
  }
  uint32_t longest = 2000;
  for (const uint32_t pause : pauses) {
    EXPECT_GE(pause + 20, longest / 2);
    EXPECT_LE(pause, longest + 30);
    longest = std::min(2 * longest, w.timing.retryMax);
  }
  Provisioned other(2);
  other.cloud.up = false;
  ASSERT_TRUE(other.runUntil(State::Waiting));
  const tendril::Millis since = other.now;
  ASSERT_TRUE(other.runUntilIs([&] { return other.device().state() != State::Waiting; }, 70000));
  EXPECT_NE(pauses[0], tendril::elapsed(other.now, since));
}

TEST(Machine, RepeatedHandOver) {
  Fresh w;
  EXPECT_EQ(200, w.handOver(homeOf(0)));
  EXPECT_EQ(200, w.handOver(homeOf(0))) << "the same again";
  EXPECT_EQ(503, w.handOver(homeOf(1))) << "another meanwhile";
  ASSERT_TRUE(w.runUntil(State::Online));
  EXPECT_EQ(std::vector<std::string>{tokenOf(0)}, w.cloud.logins);
  EXPECT_EQ(1, w.count("stored"));
}

TEST(Machine, SavedIsTriedToo) {
  Fresh w;
  EXPECT_EQ(200, w.handOver(homeOf(0), true));
  w.cloud.answer = 9;
  ASSERT_TRUE(backInSetup(w));
  EXPECT_FALSE(w.device().isConfigured());
}

TEST(Machine, FromTheAnswerToTheRestartItTakesASecond) {
  Fresh w;
  w.handOver(homeOf(0));
  const tendril::Millis since = w.now;
  ASSERT_TRUE(w.runUntilIs([&] { return w.restarts == 1; }, 5000));
  EXPECT_NEAR(1000, tendril::elapsed(w.now, since), 150);
}

TEST(Machine, TheCloudThatIsCompiledIn) {
  tendril::Configuration c = homeOf(0);
  c.host.clear();
  c.port = c.tlsPort = 0;
  {
    Fresh w;
    const std::string refused = w.ask("POST", "/config", "ssid=Home&pass=secret-pass&blynk=" + tokenOf(0));
    EXPECT_NE(std::string::npos, refused.find("500")) << refused;
    EXPECT_NE(std::string::npos, refused.find("\"host\"")) << refused;
  }
  World w;
  w.product.host = "maker.example";
  w.product.tlsPort = 4443;
  w.powerOn();
  ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOpen(); }, 10000));
  EXPECT_EQ(200, w.handOver(c));
  ASSERT_TRUE(w.runUntil(State::Online));
  EXPECT_EQ("maker.example:4443", w.cloud.hosts.back());
}

TEST(Machine, ResetForgetsWhatIsNotProven) {
  Fresh fresh;
  fresh.cloud.answer = CloudSide::kSilence;
  fresh.handOver(homeOf(0));
  ASSERT_TRUE(backInSetup(fresh));
  EXPECT_NE(std::string::npos, fresh.ask("POST", "/reset").find("Configuration erased"));
  EXPECT_FALSE(fresh.device().hasTrial());
  EXPECT_EQ(Code::None, fresh.device().lastError());

  Provisioned w;
  w.openByButton();
  EXPECT_NE(std::string::npos, w.ask("POST", "/reset").find("Proven configuration kept"));
  EXPECT_TRUE(w.device().isConfigured());
  w.ask("POST", "/reboot");
  ASSERT_TRUE(w.runUntil(State::Online));
}

TEST(Machine, TheButton) {
  Provisioned w;
  const int restarts = w.restarts;
  w.hold(2900);
  w.run(500);
  EXPECT_TRUE(w.device().isOnline()) << "a moment is nothing";
  w.hold(3100);
  EXPECT_EQ(State::Setup, w.device().state());
  EXPECT_TRUE(w.device().isConfigured());
  EXPECT_EQ(1, w.count("disconnected"));
  EXPECT_EQ(restarts, w.restarts);
  // Unused, the setup network closes again.
  ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOnline(); }, w.timing.setupIdle + 20000, 100));
  w.hold(10100);
  EXPECT_EQ(1, w.count("erased"));
  ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOpen(); }, 10000));
  EXPECT_FALSE(w.device().isConfigured());
  EXPECT_EQ(restarts + 1, w.restarts);
}

TEST(Machine, TheButtonWhileAConfigurationIsBeingStoredLosesNothing) {
  Fresh w;
  w.handOver(homeOf(0));
  w.run(100);
  ASSERT_EQ(State::Stored, w.device().state());
  w.device().press(4000);
  ASSERT_TRUE(w.runUntil(State::Online));
}

TEST(Machine, TheCloudMayRestartIt) {
  Provisioned w;
  const int before = w.restarts;
  w.cloudSends(std::string("\x11\0\x07\0\x0A" "dbg\0reboot", 15));
  ASSERT_TRUE(w.runUntilIs([&] { return w.restarts == before + 1; }, 1000));
  EXPECT_TRUE(w.runUntil(State::Online));
}

TEST(Machine, Redirects) {
  Fresh w;
  w.cloud.redirect = "other.example|4000";
  w.handOver(homeOf(0));
  ASSERT_TRUE(w.runUntil(State::Online));
  const std::vector<std::string> want = {"cloud.example:9443", "other.example:4000"};
  EXPECT_EQ(want, w.cloud.hosts);
}

TEST(Machine, ACircleOfRedirectsEnds) {
  Fresh w;
  // It is sent on again whenever it comes.
  w.handOver(homeOf(0));
  const bool ended = w.runUntilIs(
      [&] {
        w.cloud.redirect = "other.example|4000";
        return w.count("failed") > 0;
      },
      60000);
  ASSERT_TRUE(ended);
  EXPECT_EQ(1, w.count("failed Home 705"));
  EXPECT_EQ(4U, w.cloud.hosts.size());
}

TEST(Machine, ValuesBothWays) {
  Provisioned w;
  w.cloudSends(std::string("\x14\0\x09\0\x08vw\0" "2\0one", 13));
  w.run(100);
  EXPECT_EQ("one", w.written[2]);
  w.readable[3] = "42";
  w.cloudSends(std::string("\x14\0\x0A\0\x04vr\0" "3", 9));
  w.run(100);
  EXPECT_EQ("vw|3|42", w.cloud.frames.back());
  EXPECT_TRUE(w.device().write(4, "21.5"));
  w.run(100);
  EXPECT_EQ("vw|4|21.5", w.cloud.frames.back());
  EXPECT_TRUE(w.device().logEvent("dry", "The soil is dry"));
  w.run(100);
  EXPECT_EQ("dry|The soil is dry", w.cloud.frames.back());
  w.cloudSends(std::string("\x11\0\x0B\0\x0Ertc\0" "1000000000", 19));
  w.run(100);
  EXPECT_EQ(1000000000U, w.device().clock());
  w.run(10000);
  EXPECT_NEAR(1000000010U, w.device().clock(), 1);
}

TEST(Machine, TheNewestValueOfEachPinWaitsForTheCloud) {
  Provisioned w;
  w.cloud.up = false;
  w.run(5000);
  w.cloud.frames.clear();
  for (int i = 0; i < 100; i++) {
    EXPECT_TRUE(w.device().write(1, text(std::to_string(i))));
    EXPECT_TRUE(w.device().write(2, text(std::to_string(2 * i))));
  }
  w.cloud.up = true;
  ASSERT_TRUE(w.runUntil(State::Online));
  w.run(2000);
  std::vector<std::string> values;
  for (const std::string& f : w.cloud.frames) {
    if (f.rfind("vw|", 0) == 0) values.push_back(f);
  }
  EXPECT_EQ((std::vector<std::string>{"vw|1|99", "vw|2|198"}), values);
}

// A frame in which the cloud has a program.
std::string otaFrame(const std::string& url) {
  const std::string body = std::string("ota") + '\0' + url;
  return std::string("\x11\0\x09\0", 4) + static_cast<char>(body.size()) + body;
}

std::string imageAnswer(const std::string& image, const std::string& claimed) {
  tendril::Md5 md5;
  md5.add(reinterpret_cast<const uint8_t*>(claimed.data()), claimed.size());
  uint8_t digest[tendril::Md5::kSize];
  md5.finish(digest);
  char digits[2 * sizeof digest + 1];
  tendril::Writer w(digits, sizeof digits);
  tendril::putHex(w, tendril::Text(reinterpret_cast<const char*>(digest), sizeof digest));
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(image.size()) + "\r\nx-MD5: " + string(w.text()) + "\r\n\r\n" + image;
}

TEST(Machine, AnUpdateOverTheAir) {
  FakeUpdater updater;
  Provisioned w;
  w.port().updater = &updater;
  w.powerOff();
  w.powerOn();
  ASSERT_TRUE(w.runUntil(State::Online));
  const int before = w.restarts;
  const std::string image(30000, 'i');

  // Refused before anything is fetched.
  w.cloudSends(otaFrame("http://files.example/f.bin"));
  w.run(1000);
  EXPECT_TRUE(w.device().isOnline());
  EXPECT_EQ("meta|set|Update Error|the URL must be https", w.cloud.frames.back());

  // Not what the server has: this program stays, and the cloud hears why.
  w.cloud.image = imageAnswer(image, image + "!");
  w.cloudSends(otaFrame("https://files.example/f.bin"));
  ASSERT_TRUE(w.runUntil(State::Updating, 2000));
  ASSERT_TRUE(w.runUntil(State::Online));
  w.run(2000);
  EXPECT_EQ("files.example:443", w.cloud.hosts[w.cloud.hosts.size() - 2]);
  EXPECT_EQ(2, w.count("not_updated"));
  EXPECT_NE(w.cloud.frames.end(), std::find(w.cloud.frames.begin(), w.cloud.frames.end(), "meta|set|Update Error|the image isn't what the server has"));
  EXPECT_FALSE(updater.committed);

  // The button interrupts it, and it is online again once that network is left.
  w.cloudSends(otaFrame("https://files.example/f.bin"));
  ASSERT_TRUE(w.runUntil(State::Updating, 2000));
  w.device().press(4000);
  w.run(100);
  EXPECT_EQ(State::Setup, w.device().state());
  EXPECT_FALSE(updater.committed);
  ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOnline(); }, w.timing.setupIdle + 20000, 100));

  w.cloud.image = imageAnswer(image, image);
  w.cloudSends(otaFrame("https://files.example/f.bin"));
  ASSERT_TRUE(w.runUntilIs([&] { return w.restarts == before + 1; }, 20000));
  EXPECT_TRUE(updater.committed);
  EXPECT_EQ(1, w.count("updated"));
  EXPECT_TRUE(w.runUntil(State::Online));
}

TEST(Machine, ABoardThatCannotBeUpdatedSaysSo) {
  Provisioned w;
  w.cloudSends(otaFrame("https://files.example/f.bin"));
  w.run(1000);
  EXPECT_EQ(1, w.count("notice"));
  EXPECT_TRUE(w.device().isOnline());
}

TEST(Machine, ASetupNetworkThatCannotOpenIsTriedAgain) {
  World w;
  w.setupFails = true;
  w.powerOn();
  w.run(60000, 100);
  EXPECT_EQ(State::Setup, w.device().state());
  EXPECT_FALSE(w.device().isOpen());
  w.setupFails = false;
  EXPECT_TRUE(w.runUntilIs([&] { return w.device().isOpen(); }, 2000));
}

TEST(Machine, AScanThatHangsKeepsNobodyOut) {
  World w;
  w.scanHangs = true;
  w.powerOn();
  EXPECT_TRUE(w.runUntilIs([&] { return w.device().isOpen(); }, 25000));
  EXPECT_NE(std::string::npos, w.ask("GET", "/wifi_scan.json").find("503"));
}

TEST(Machine, WhatWasFoundBeforeAnswersAtFirstThenItLooksAgain) {
  Fresh w;
  EXPECT_EQ(1, w.scans);
  EXPECT_NE(std::string::npos, w.ask("GET", "/wifi_scan.json").find("\"Home\""));
  EXPECT_EQ(1, w.scans);
  w.run(w.timing.scanFresh, 100);
  EXPECT_NE(std::string::npos, w.ask("GET", "/wifi_scan.json").find("\"Home\""));
  EXPECT_EQ(2, w.scans);
}

TEST(Machine, ANewerFirmwaresFlashIsLeftAlone) {
  World w;
  // A sound slot without a payload, of version 2.
  alignas(4) uint8_t slot[16] = {'T', 'n', 'S', 'l', 2, 0xFF, 0, 0, 1, 0, 0, 0};
  const uint32_t crc = tendril::crc32(slot + 4, 8);
  memcpy(slot + 12, &crc, sizeof crc);
  w.flash.load(0, slot, sizeof slot);
  const NorFlash::Cells before = w.flash.cells;
  w.powerOn();
  EXPECT_EQ(State::Refusing, w.device().state());
  w.hold(11000);
  w.run(60000, 50);
  EXPECT_EQ(State::Refusing, w.device().state());
  EXPECT_EQ(before, w.flash.cells);
  EXPECT_EQ(0, w.restarts);
}

TEST(Machine, AFlashThatFailsIsNoDeadEnd) {
  Fresh w;
  w.flash.stuck = 20;  // a byte of the payload
  EXPECT_EQ(200, w.handOver(homeOf(0)));
  w.run(5000);
  EXPECT_EQ(State::Setup, w.device().state());
  EXPECT_TRUE(w.device().isOpen());
  EXPECT_EQ(Code::Configuration, w.device().lastError());
}

TEST(Machine, AUnitOfTheFactoryAsksForTheNetworkAlone) {
  World w;
  const std::string own = tokenOf(7);
  w.product.token = text(own);
  w.product.host = "cloud.example";
  w.powerOn();
  ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOpen(); }, 10000));
  EXPECT_NE(std::string::npos, w.ask("POST", "/config", "ssid=Home&pass=secret-pass").find("200 OK"));
  ASSERT_TRUE(w.runUntil(State::Online));
  EXPECT_EQ(own, w.loggedIn());
  // A wizard that brings a token waits for just that one.
  w.hold(4000);
  ASSERT_TRUE(w.runUntilIs([&] { return w.device().isOpen(); }, 10000));
  EXPECT_EQ(200, w.handOver(homeOf(1)));
  ASSERT_TRUE(w.runUntilIs([&] { return w.loggedIn() == tokenOf(1); }, 30000));
}

TEST(Machine, InDevelopmentTheSketchSaysAll) {
  World w;
  const std::string own = tokenOf(8);
  w.product.token = text(own);
  w.product.ssid = "Home";
  w.product.password = "secret-pass";
  w.product.host = "cloud.example";
  w.routers["Home"].up = false;
  w.powerOn();
  w.run(60000, 50);
  w.routers["Home"].up = true;
  ASSERT_TRUE(w.runUntil(State::Online));
  w.cloud.answer = 9;
  w.hangUp();
  w.run(60000, 50);
  w.hold(11000);
  w.cloud.answer = 200;
  ASSERT_TRUE(w.runUntil(State::Online));
  EXPECT_EQ(0, w.scans);
  EXPECT_EQ(0U, w.flash.writes);
  EXPECT_EQ(0, w.count("setup_network_up"));
}

}  // namespace
