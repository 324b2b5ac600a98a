// A unit and all that is around it, in memory and in virtual time: routers, a cloud,
// phones, a button, and power that fails.
#pragma once

#include <Tendril/Device.h>
#include <Tendril/Text/Writer.h>

#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "Configurations.h"
#include "NorFlash.h"

// The stable name of a state or an event.
template <typename Named>
std::string nameOf(Named named) {
  char text[40];
  tendril::Writer w(text, sizeof text);
  tendril::putName(w, named);
  return string(w.text());
}

// A router, as it is at present.
struct Router {
  std::string password = "secret-pass";
  bool up = true;
  bool dhcp = true;
  bool dns = true;
  bool internet = true;
  // What is out of order swallows what is asked, where else it refuses: nothing comes
  // back, and only patience ends it.
  bool swallows = false;
};

// The cloud: it answers each login as told, and pings.
struct CloudSide {
  static constexpr uint16_t kSilence = 0;

  bool up = true;
  bool swallows = false;
  bool untrusted = false;  // its certificate is
  uint16_t answer = 200;   // to logins
  std::map<std::string, uint16_t> answers;  // to logins with that token
  std::string redirect;    // to logins, once: a host, a bar, a port
  std::string image;       // the answer to GET of whatever, head and all
  std::vector<std::string> logins;    // tokens, as they came
  std::vector<uint16_t> given;        // and what each was answered
  std::vector<std::string> hosts;     // where devices connected to, HOST:PORT
  std::vector<std::string> frames;    // the bodies of all other frames, NUL written as a bar
};

class World : private tendril::Observer {
 public:
  explicit World(uint32_t seed = 1);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Before the power is on for the first time, or while it is off.
  tendril::Product product;
  tendril::Timing timing;

  tendril::Millis now = 0xFFFFF000;  // so that every test has the clock wrap
  std::map<std::string, Router> routers;
  CloudSide cloud;
  NorFlash flash;
  bool buttonHeld = false;
  bool setupFails = false;  // the setup network can't be opened
  bool scanHangs = false;
  int restarts = 0;
  int scans = 0;
  uint8_t light = 0;
  std::string typed;                // at the serial console
  std::vector<std::string> log;     // its lines
  std::vector<std::string> events;  // as "failed Home 722"
  std::map<uint8_t, std::string> written, readable;
  const char* resetReason = "power";

  void powerOn();
  void powerOff();
  bool isOn() const { return device_ != nullptr; }
  // The world as a port, for another device than the world's own, whose loop is called
  // in that one's place.
  tendril::Port& port() { return port_; }
  std::function<void()> loop;
  tendril::Device& device() { return *device_; }

  // Lets time pass, in steps of so many milliseconds.
  void run(uint32_t milliseconds, uint32_t step = 10);
  // Lets time pass until it is in that state; false if it isn't within so long. It may
  // run in coarser steps where nothing is going on.
  bool runUntil(tendril::State state, uint32_t milliseconds = 120000);
  template <typename Is>
  bool runUntilIs(Is is, uint32_t milliseconds, uint32_t step = 10) {
    for (uint32_t passed = 0; passed <= milliseconds; passed += step) {
      if (is()) return true;
      run(step, step);
    }
    return is();
  }

  // What a phone is answered, head and all; empty if the portal isn't there.
  std::string ask(const std::string& method, const std::string& path, const std::string& body = "");
  // Hands a configuration over by a form, as a wizard does; the answer's status.
  int handOver(const tendril::Configuration& c, bool save = false);
  void hold(uint32_t milliseconds);

  // How often there was an event of that name, with all that follows it if given.
  int count(const std::string& event) const;

  // The cloud's end of the connection.
  void cloudSends(const std::string& bytes) { toDevice_ += bytes; }
  void hangUp() { connected_ = false; }
  bool isConnected() const { return connected_; }
  std::string loggedIn() const { return connected_ ? loggedIn_ : ""; }

  std::mt19937 random;

 private:
  friend class WorldRadio;
  friend class WorldConnection;
  friend class WorldSockets;
  friend class WorldBoard;

  void onEvent(tendril::Event event, tendril::Text ssid, tendril::Code code) override;
  void onWrite(uint8_t pin, tendril::Text value) override;
  bool onRead(uint8_t pin, tendril::Writer& into) override;

  void wake();
  void forget();
  void step();
  void cloudHears();
  const Router* joinedRouter() const;
  bool leadsOut() const;

  struct Parts;
  Parts* parts_;
  tendril::Port port_;
  alignas(tendril::Device) unsigned char room_[sizeof(tendril::Device)];
  tendril::Device* device_ = nullptr;
  bool restartAsked_ = false;

  // The station.
  tendril::Configuration wanted_;
  tendril::Millis joinBegan_ = 0, scanBegan_ = 0;
  bool joined_ = false;
  bool setupOpen_ = false;

  // The connection to the cloud.
  tendril::Millis asked_ = 0;  // when the lookup or the connection was begun
  bool connected_ = false, dialled_ = false, doomed_ = false;
  std::string target_, toDevice_, fromDevice_, loggedIn_;

  // The phone on the setup network.
  bool socketsOpen_ = false, phoneWaits_ = false, phoneServed_ = false;
  uint8_t phoneSlot_ = 0;
  std::string toPortal_, fromPortal_;
};
