// The setup network: opened, spoken for, and closed again.
#include "../Device.h"

namespace tendril {
namespace {

// How long looking for networks may take before the setup network opens without, or
// the portal hears that it failed.
constexpr uint32_t kScanPatience = 20000;

bool same(const Configuration& a, const Configuration& b) {
  return a.ssid == b.ssid && a.hidden == b.hidden && a.password == b.password && a.token == b.token && a.host == b.host &&
         a.port == b.port && a.tlsPort == b.tlsPort && a.hasStatic == b.hasStatic &&
         (!a.hasStatic || (a.fixed.ip == b.fixed.ip && a.fixed.mask == b.fixed.mask && a.fixed.gateway == b.fixed.gateway &&
                           a.fixed.dns == b.fixed.dns && a.fixed.dns2 == b.fixed.dns2));
}

}  // namespace

// Nothing of the home network stays up beside the setup network: both may use the same
// addresses, 192.168.4.0/24, and one radio serves one channel.
void Device::enterSetup() {
  leave();
  idleSince_ = now_;
  if (opening_ != Opening::Closed) return;
  opening_ = Opening::Scanning;
  openingSince_ = now_;
  port_.radio.beginScan();
}

State Device::runSetup() {
  switch (opening_) {
    case Opening::Closed:
    case Opening::Scanning: {
      const Progress progress = port_.radio.scan();
      if (progress == Progress::Working && elapsed(now_, openingSince_) < kScanPatience) return state_;
      scanned_ = progress == Progress::Done;
      scannedAt_ = now_;
      open();
      return state_;
    }
    case Opening::Failed:
      if (elapsed(now_, openingSince_) >= timing_.reopen) open();
      return state_;
    case Opening::Open:
      break;
  }
  portal_.tick(now_);
  if (kept_) return keep();
  if (rebootAsked_) return State::Restarting;
  const uint32_t idle = idleTime();
  if (idle == 0 || accepted_ || elapsed(now_, idleSince_) < idle) return state_;
  closeSetup();
  pauses_ = 0;
  return choose();
}

uint32_t Device::idleTime() const { return configured_ ? timing_.setupIdle : trial_ ? timing_.trialIdle : 0; }

void Device::open() {
  opening_ = Opening::Failed;
  openingSince_ = now_;
  if (!port_.radio.openSetup(setupSsid_.text(), product_.setupPassphrase)) return;
  if (!portal_.open()) {
    port_.radio.closeSetup();
    return;
  }
  opening_ = Opening::Open;
  idleSince_ = now_;
  accepted_ = kept_ = rebootAsked_ = scanning_ = false;
  tell(Event::SetupUp, setupSsid_.text());
}

void Device::closeSetup() {
  const bool was = isOpen();
  opening_ = Opening::Closed;
  if (!was) return;
  portal_.close();
  port_.radio.closeSetup();
  handed_.password.wipe();
  handed_.token.wipe();
  tell(Event::SetupGone, setupSsid_.text());
}

// Stores what was handed over as trial.
State Device::keep() {
  kept_ = false;
  tell(Event::Configured, handed_.ssid.text());
  const bool stored = store_.put(handed_);
  glance();
  if (!stored) {
    accepted_ = false;
    idleSince_ = now_;
    lastError_ = Code::Configuration;
    return state_;
  }
  tell(Event::Stored, handed_.ssid.text());
  return State::Stored;
}

// The setup network stays open a little longer, so that the answer gets through and a
// repeated hand-over gets it too.
State Device::runStored() {
  portal_.tick(now_);
  return elapsed(now_, since_) < timing_.beforeRestart ? state_ : State::Restarting;
}

void Device::boardInfo(BoardInfo& into) {
  into.board = product_.board;
  into.templateId = into.firmwareType = product_.templateId;
  into.firmwareVersion = product_.firmwareVersion;
  into.vendor = product_.vendor;
  into.name = product_.name;
  into.ssid = setupSsid_.text();
  port_.radio.mac(into.mac);
  memcpy(into.bssid, into.mac, sizeof into.bssid);
  into.bssid[5]++;  // as on the ESP32, the setup network's address is the next one
  into.lastError = lastError_;
  into.configured = configured_;
}

// What was found before the setup network opened answers who asks soon after.
void Device::beginScan() {
  scanning_ = !(scanned_ && elapsed(now_, scannedAt_) < timing_.scanFresh);
  if (!scanning_) return;
  scanned_ = false;
  scannedAt_ = now_;
  port_.radio.beginScan();
}

Progress Device::scan() {
  if (scanning_) {
    const Progress progress = port_.radio.scan();
    if (progress == Progress::Working) return elapsed(now_, scannedAt_) < kScanPatience ? progress : Progress::Failed;
    scanning_ = false;
    scanned_ = progress == Progress::Done;
    scannedAt_ = now_;
    if (!scanned_) return progress;
  }
  tell(Event::Scanned);
  return Progress::Done;
}

// Takes one configuration at a time; the same again is answered as before.
PortalDevice::Accepted Device::accept(const Configuration& configuration, bool save, Parameter& field) {
  Configuration c = configuration;
  if (c.token.empty()) c.token.set(product_.token);
  if (c.host.empty() && !c.host.set(product_.host)) c.host.clear();
  if (c.port == 0) c.port = product_.port;
  if (c.tlsPort == 0) c.tlsPort = product_.tlsPort;
  // The portal has looked at all that came; what didn't come is the product's.
  field = !isToken(c.token.text()) ? Parameter::Token : c.host.empty() || unusable(c) != nullptr ? Parameter::Host : Parameter::None;
  if (field != Parameter::None) return Accepted::Refused;
  if (accepted_) return same(handed_, c) && handedSave_ == save ? Accepted::Yes : Accepted::Busy;
  if (state_ != State::Setup) return Accepted::Busy;
  handed_ = c;
  handedSave_ = save;
  accepted_ = true;
  return Accepted::Yes;
}

void Device::kept() { kept_ = state_ == State::Setup && accepted_; }

// Forgets what isn't proven, and its last error.
bool Device::reset(bool& keptProven) {
  keptProven = configured_;
  bool done = true;
  if (!keptProven) {
    done = store_.erase();
  } else {
    Slot trial;
    while (done && store_.trial(0, trial)) done = store_.discard(trial, Code::None);
  }
  glance();
  return done;
}

}  // namespace tendril
