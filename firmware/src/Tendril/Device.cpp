#include "Device.h"

#include "Text/Json.h"

namespace tendril {
// Where each state goes from there; where an earlier failure leads, failed says, and
// where the button or the cloud do, obey.
//
//   starting     joining, if flash holds a configuration; else setup
//   setup        stored, when handed a configuration; restarting, when asked to;
//                joining, when idle and flash holds a configuration
//   stored       restarting
//   joining      checking
//   checking     connecting
//   connecting   logging_in
//   logging_in   online; checking, when sent elsewhere
//   online       waiting; checking, when sent elsewhere; updating, when the cloud has
//                a newer program
//   updating     restarting; waiting, when it came to nothing
//   waiting      joining
//   (failed)     waiting, while there are tries or another configuration, and always
//                with a proven one; setup, when a trial is given up or a fresh device's
//                goes unanswered, or when the proven token is refused
const Device::Step Device::kSteps[kStates] = {
    {&Device::nothing, &Device::runStarting},
    {&Device::enterSetup, &Device::runSetup},
    {&Device::nothing, &Device::runStored},
    {&Device::enterJoining, &Device::runJoining},
    {&Device::enterChecking, &Device::runChecking},
    {&Device::enterConnecting, &Device::runConnecting},
    {&Device::enterLoggingIn, &Device::runLoggingIn},
    {&Device::enterOnline, &Device::runOnline},
    {&Device::nothing, &Device::runWaiting},
    {&Device::nothing, &Device::runUpdating},
    {&Device::enterRestarting, &Device::stay},
    {&Device::nothing, &Device::stay},
};

Device::Device(const Product& product, const Port& port, const Timing& timing)
    : DeviceMemory(),
      product_(product),
      port_(port),
      timing_(timing),
      store_(port.flash),
      portal_(port.sockets, *this, workspace_, port.board, PortalOptions{product.wizardOrigins, product.wizardOriginCount, isToken(product.token)}),
      link_(port.connection, *this, workspace_, timing_),
      update_(port.connection, port.updater, workspace_) {
  Text* const info = info_.values;
  info[Info::Version] = product.firmwareVersion;
  info[Info::Type] = info[Info::TemplateId] = product.templateId;
  info[Info::Build] = product.build.empty() ? product.firmwareVersion : product.build;
  info[Info::Library] = "1.4.0";  // the version of Blynk's whose dialect this is
  info[Info::Board] = product.board;
  info[Info::Connection] = "WiFi";
}

void Device::begin(Millis now) {
  now_ = since_ = counted_ = now;
  uint8_t mac[6];
  port_.radio.mac(mac);
  const Field<kUnitSuffix> suffix = unitSuffix(mac);
  setupSsid_ = setupSsid(product_.vendor, product_.name, product_.unitSuffix ? suffix.text() : Text());
  if (!product_.inDevelopment() && store_.open(port_.edgent) == Store::Status::Newer) return go(State::Refusing);
  glance();
}

void Device::tick(Millis now) {
  now_ = now;
  countTime();
  watchButton();
  if (state_ == State::Refusing || state_ == State::Restarting) return;
  if (wish_ != Wish::Nothing) obey();
  State (Device::*const run)() = step(state_).run;
  const State next = (this->*run)();
  if (next != state_) go(next);
}

void Device::go(State next) {
  endOnline();
  if (state_ == State::Updating) update_.stop();
  state_ = next;
  since_ = now_;
  void (Device::*const enter)() = step(next).enter;
  (this->*enter)();
}

void Device::countTime() {
  constexpr uint32_t kSecond = 1000;
  while (elapsed(now_, counted_) >= kSecond) {
    counted_ += kSecond;
    uptime_++;
    if (clock_ != 0) clock_++;
  }
}

void Device::tell(Event event, Text ssid, Code code) {
  char line[96];
  Writer w(line, sizeof line);
  w.put("tendril: ");
  putName(w, event);
  if (!ssid.empty()) {
    w.put(' ');
    putJson(w, ssid);
  }
  if (code != Code::None) {
    w.put(' ');
    putName(w, code);
  }
  port_.board.log(w.text());
  if (observer_ != nullptr) observer_->onEvent(event, ssid, code);
}

void Device::tellOfNetwork(Event event, Code code) { tell(event, slot_.configuration.ssid.text(), code); }

void Device::press(uint32_t held) {
  if (held >= timing_.heldToErase) {
    ask(Wish::Erase);
  } else if (held >= timing_.held) {
    ask(Wish::Open);
  }
}

void Device::watchButton() {
  if (button_.tick(port_.board.buttonHeld(), now_)) press(button_.held());
  const uint32_t held = button_.heldSoFar(now_);
  const Cue cue = held >= timing_.heldToErase ? Cue::Erases : held >= timing_.held ? Cue::Opens : Cue::None;
  const uint8_t brightness = light_.tick(state_, cue, now_);
  if (brightness == brightness_) return;
  brightness_ = brightness;
  port_.board.light(brightness);
}

void Device::obey() {
  const Wish wish = wish_;
  wish_ = Wish::Nothing;
  if (wish == Wish::Restart) return go(State::Restarting);
  tell(Event::Button);
  // What is in the sketch can't be erased, nor another one be handed over.
  if (product_.inDevelopment()) return;
  if (wish == Wish::Erase) {
    const bool erased = store_.erase();
    glance();
    if (erased) tell(Event::Erased);
    return go(State::Restarting);
  }
  // Stored, the setup network is open, and a configuration about to be tried.
  if (state_ == State::Stored) return;
  pauses_ = 0;
  go(State::Setup);
}

void Device::enterRestarting() {
  closeSetup();
  leave();
  tell(Event::Restarting);
  port_.board.restart();
}

// Looks what flash says.
void Device::glance() {
  if (product_.inDevelopment()) {
    configured_ = true;
    return;
  }
  configured_ = store_.hasProven();
  trial_ = store_.trials() > 0;
  lastError_ = store_.lastError();
}

State Device::runStarting() {
  return elapsed(now_, since_) < timing_.boot ? state_ : choose();
}

// Picks the configuration whose turn it is: trials, newest first, then the proven one.
// Without any, the setup network opens.
State Device::choose() {
  const uint32_t before = slot_.sequence;
  const bool had = chosen_;
  tries_ = 0;
  if (product_.inDevelopment()) {
    Configuration& c = slot_.configuration;
    chosen_ = c.ssid.set(product_.ssid) && c.password.set(product_.password) && c.token.set(product_.token) && c.host.set(product_.host);
    c.port = product_.port;
    c.tlsPort = product_.tlsPort;
    slot_.phase = Phase::Proven;
    return chosen_ ? State::Joining : State::Refusing;
  }
  const uint8_t trials = store_.trials();
  const auto candidates = static_cast<uint8_t>(trials + (configured_ ? 1 : 0));
  if (candidates == 0) return State::Setup;
  const auto n = static_cast<uint8_t>(turn_ % candidates);
  chosen_ = n < trials ? store_.trial(n, slot_) : store_.proven(slot_);
  if (!had || slot_.sequence != before) {
    leave();
    // What waits for the cloud is of another device there, perhaps of another owner.
    if (had) link_.forget();
  }
  return chosen_ ? State::Joining : State::Setup;
}

State Device::runWaiting() {
  if (elapsed(now_, since_) < pause_) return state_;
  return again_ ? State::Joining : choose();
}

// A pause before whose turn it is then: each longer than the one before, and a random
// half of it, so that devices that lost their cloud together don't return together.
State Device::rest() {
  uint32_t pause = timing_.retryFirst;
  for (uint8_t i = 0; i < pauses_ && pause < timing_.retryMax; i++) pause *= 2;
  if (pause > timing_.retryMax) pause = timing_.retryMax;
  if (pauses_ < UINT8_MAX) pauses_++;
  pause_ = pause / 2 + port_.board.random() % (pause / 2 + 1);
  again_ = false;
  return State::Waiting;
}

// Ends a try.
State Device::failed(Code code) {
  disconnect();
  const bool trial = slot_.phase == Phase::Trial;
  // No login has left, so the cloud knows nothing of this trial.
  const bool unheard = trial && !slot_.sent;
  if (tries_ < UINT8_MAX) tries_++;
  if (trial || !isCloudFault(code)) leave();
  if (unheard && tries_ < timing_.attempts) {
    pause_ = timing_.betweenAttempts;
    again_ = true;
    return State::Waiting;
  }
  tellOfNetwork(Event::Failed, code);
  if (unheard || (trial && code == Code::Token)) return discard(code);
  // A note that can't be kept is a pity, not more.
  if (trial) store_.note(slot_, code);
  glance();
  lastError_ = code;
  turn_++;
  // Between the tries of a fresh device.
  if (!configured_) return State::Setup;
  // The owner has deleted the device, or its attempt was replaced: it waits for another
  // hand-over and, idle, asks again. It forgets nothing.
  if (code == Code::Token && !trial_ && !product_.inDevelopment()) return State::Setup;
  return rest();
}

// Gives the trial up and opens the setup network, which says why.
State Device::discard(Code code) {
  if (store_.discard(slot_, code)) tellOfNetwork(Event::Discarded, code);
  glance();
  lastError_ = code;
  turn_ = 0;
  return State::Setup;
}

void Device::disconnect() {
  link_.end();
  port_.connection.close();
}

void Device::leave() {
  disconnect();
  port_.radio.leave();
  joined_ = greeted_ = false;
}

}  // namespace tendril
