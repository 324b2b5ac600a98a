// The device: what it does when, from power on to values going both ways. It is the
// virtual device's setup state machine (docs/device.md), and owns what is on flash,
// the setup network, the home network, the button and the light.
#pragma once

#include "Button.h"
#include "Light.h"
#include "Link/Link.h"
#include "Port.h"
#include "Portal/Portal.h"
#include "Portal/SetupName.h"
#include "Product.h"
#include "Setup/State.h"
#include "Store/Store.h"
#include "Update/Update.h"

namespace tendril {

// What the device knows of where it is. All of it begins as zero, by one call rather
// than by a store for each; and being small it comes first, where small chips reach it in
// one instruction.
class DeviceMemory {
 protected:
  // What others than the device itself want of it; the greater one counts.
  enum class Wish : uint8_t { Nothing, Restart, Open, Erase };
  // How far the setup network is from open: a scan comes first, since scanning with
  // phones on it throws some of them off.
  enum class Opening : uint8_t { Closed, Scanning, Failed, Open };

  Millis now_;
  Millis since_;  // when the state was entered
  Millis counted_;
  uint32_t uptime_;
  uint32_t clock_;
  State state_;
  Wish wish_;
  uint8_t brightness_;

  // What flash says, and why the last try failed.
  bool configured_;
  bool trial_;
  Code lastError_;

  // The configuration that is being tried or used, slot_.
  bool chosen_;   // slot_ is one
  bool joined_;   // its network is
  bool greeted_;  // the network let the device in, an address is missing
  bool proved_;   // this boot's login proved it
  bool online_;
  bool updates_;  // what the cloud has is to be fetched
  uint8_t turn_;   // whose turn it is, of those on flash
  uint8_t tries_;  // how often slot_ was tried in this turn
  uint8_t pauses_;  // how many tries in a row ended in a pause
  uint32_t pause_;  // how long Waiting takes
  bool again_;  // after it the same configuration is tried, whoever's turn it is

  // Where the cloud is, with host_: as configured, or where it sent the device.
  uint16_t portNumber_;
  uint8_t hops_;
  Millis lookedUp_;  // when looking for it began

  // What the cloud knows of this boot already.
  bool reasonReported_;
  Address reported_;

  // The setup network.
  Opening opening_;
  Millis openingSince_;
  Millis idleSince_;
  bool scanning_;  // for the portal
  bool scanned_;   // the radio has found something, at scannedAt_
  Millis scannedAt_;
  bool accepted_;  // handed_ is being stored
  bool kept_;      // its answer has left
  bool rebootAsked_;
  bool handedSave_;
};

class Device : private PortalDevice, private LinkEvents, private DeviceMemory {
 public:
  Device(const Product& product, const Port& port, const Timing& timing = Timing());

  // Who hears what happens; one at a time, which outlives the device or is replaced.
  void observe(Observer* observer) { observer_ = observer; }

  // The first step, once after power on; then tick for every other, as often as can be.
  // Neither waits for anything.
  void begin(Millis now);
  void tick(Millis now);

  // The button was held for so long and let go, in milliseconds. The board's own is
  // watched by tick.
  void press(uint32_t held);
  // What the button does, asked for by other means.
  void openSetup() { ask(Wish::Open); }
  void eraseAll() { ask(Wish::Erase); }
  void restart() { ask(Wish::Restart); }

  State state() const { return state_; }
  bool isOnline() const { return state_ == State::Online; }
  // A proven configuration is on flash; one that is being tried is.
  bool isConfigured() const { return configured_; }
  bool hasTrial() const { return trial_; }
  Code lastError() const { return lastError_; }
  // Of the setup network, and whether it is open.
  Text setupNetwork() const { return setupSsid_.text(); }
  bool isOpen() const { return opening_ == Opening::Open; }
  // The home network's SSID while joined, else empty.
  Text homeNetwork() const { return joined_ ? slot_.configuration.ssid.text() : Text(); }
  void mac(uint8_t into[6]) const { port_.radio.mac(into); }
  const Product& product() const { return product_; }
  // In the device's zone, seconds since 1970; 0 until the cloud told it.
  uint32_t clock() const { return clock_; }
  // Since begin.
  uint32_t uptimeSeconds() const { return uptime_; }
  // At home; none while not joined.
  Address address() const { return joined_ ? port_.radio.address() : Address(); }
  int8_t rssi() const { return joined_ ? port_.radio.rssi() : int8_t{0}; }
  const char* resetReason() const { return port_.board.resetReason(); }

  // Sends a value of a virtual pin, several joined by NUL. While offline the newest of
  // each pin is kept for later. False: there is no room for it, or no way.
  bool write(uint8_t pin, Text value) { return link_.write(pin, value); }
  bool logEvent(Text code, Text description) { return link_.logEvent(code, description); }
  // Asks for the values that the cloud holds. False: offline.
  bool sync() { return isOnline() && link_.sync(); }
  bool sync(uint8_t pin) { return isOnline() && link_.sync(pin); }

 private:
  // What is done in a state: at its beginning, and at every tick, which answers where
  // to go from there; the same state is to stay.
  struct Step {
    void (Device::*enter)();
    State (Device::*run)();
  };
  static const Step kSteps[kStates];
  static const Step& step(State state) { return kSteps[static_cast<uint8_t>(state)]; }

  void nothing() {}
  State stay() { return state_; }
  State runStarting();
  void enterSetup();
  State runSetup();
  State runStored();
  void enterJoining();
  State runJoining();
  void enterChecking();
  State runChecking();
  void enterConnecting();
  State runConnecting();
  void enterLoggingIn();
  State runLoggingIn();
  void enterOnline();
  State runOnline();
  State runWaiting();
  State runUpdating();
  void notUpdated();
  void enterRestarting();

  void go(State next);
  void ask(Wish wish) {
    if (wish > wish_) wish_ = wish;
  }
  TENDRIL_ONCE void obey();
  TENDRIL_ONCE void watchButton();
  TENDRIL_ONCE void countTime();
  void tell(Event event, Text ssid, Code code = Code::None);
  void tell(Event event) { tell(event, Text()); }
  // Of the configuration in slot_.
  void tellOfNetwork(Event event, Code code = Code::None);

  State choose();
  State rest();
  State failed(Code code);
  TENDRIL_ONCE State discard(Code code);
  TENDRIL_ONCE State redirected();
  TENDRIL_ONCE void settle();
  TENDRIL_ONCE void report();
  void endOnline();
  void disconnect();
  void leave();
  void glance();

  void open();
  void closeSetup();
  TENDRIL_ONCE State keep();
  // How long the setup network stays open unused; 0: for ever.
  TENDRIL_ONCE uint32_t idleTime() const;

  // Of PortalDevice.
  void boardInfo(BoardInfo& into) override;
  void beginScan() override;
  Progress scan() override;
  uint16_t found() override { return port_.radio.found(); }
  bool foundAt(uint16_t i, Network& into) override { return port_.radio.foundAt(i, into); }
  Accepted accept(const Configuration& configuration, bool save, Parameter& field) override;
  void kept() override;
  bool reset(bool& keptProven) override;
  void reboot() override { rebootAsked_ = true; }
  void used() override { idleSince_ = now_; }

  // Of LinkEvents.
  void onWrite(uint8_t pin, Text value) override;
  bool onRead(uint8_t pin, Writer& into) override;
  void onTime(uint32_t seconds) override;
  void onRestart() override { ask(Wish::Restart); }
  void onUpdate(Text url) override;
  void onNotice(Text) override { tell(Event::Notice); }

  const Product product_;
  const Port port_;
  const Timing timing_;
  Observer* observer_ = nullptr;

  Store store_;
  Portal portal_;
  Button button_;
  Light light_;
  Info info_;  // the link's
  Field<kMaxSetupSsid> setupSsid_;
  Slot slot_;
  Field<kMaxRedirectHost> host_;
  Configuration handed_;
  Link link_;
  Update update_;
  Workspace workspace_;  // of whom it is given to
};

}  // namespace tendril
