// From the home network to values going both ways.
#include "../Device.h"
#include "../Text/Digits.h"

namespace tendril {
namespace {

// How many redirects the device follows in a row.
constexpr uint8_t kMaxHops = 3;

}  // namespace

void Device::enterJoining() {
  if (joined_ && port_.radio.joined()) return;
  leave();
  tellOfNetwork(Event::Joining);
  port_.radio.beginJoin(slot_.configuration);
}

State Device::runJoining() {
  const Configuration& c = slot_.configuration;
  if (!joined_) {
    bool associated = false;
    Code why = Code::NetworkOther;
    const Progress progress = port_.radio.join(associated, why);
    if ((associated || progress == Progress::Done) && !greeted_) {
      greeted_ = true;
      tellOfNetwork(Event::Joined);
    }
    if (progress == Progress::Failed) return failed(why);
    if (progress == Progress::Working) {
      if (elapsed(now_, since_) < timing_.join) return state_;
      return failed(associated ? Code::NoAddress : Code::Join);
    }
    joined_ = true;
    tellOfNetwork(Event::HasAddress);
  }
  host_.set(c.host.text());
  portNumber_ = product_.tls ? c.tlsPort : c.port;
  hops_ = 0;
  return State::Checking;
}

void Device::enterChecking() {
  disconnect();
  lookedUp_ = now_;
  port_.connection.beginResolve(host_.text());
}

State Device::runChecking() {
  if (!port_.radio.joined()) return failed(Code::Join);
  Code why = Code::Dns;
  const Progress progress = port_.connection.resolve(why);
  if (progress == Progress::Failed) return failed(why);
  if (progress == Progress::Working) return elapsed(now_, lookedUp_) < timing_.cloud ? state_ : failed(Code::Dns);
  tell(Event::Resolved);
  return State::Connecting;
}

void Device::enterConnecting() { port_.connection.beginConnect(host_.text(), portNumber_, product_.tls); }

State Device::runConnecting() {
  if (!port_.radio.joined()) return failed(Code::Join);
  Code why = Code::Cloud;
  const Progress progress = port_.connection.connect(why);
  if (progress == Progress::Failed) return failed(why);
  if (progress == Progress::Working) return elapsed(now_, lookedUp_) < timing_.cloud ? state_ : failed(Code::Cloud);
  tell(Event::Connected);
  return State::LoggingIn;
}

// That the login leaves is noted before, since afterwards nobody can tell whether the
// cloud has heard it.
void Device::enterLoggingIn() {
  if (slot_.phase == Phase::Trial && !slot_.sent) {
    if (!store_.markSent(slot_)) return;
    slot_.sent = true;
  }
  tell(Event::LoggingIn);
  link_.begin(slot_.configuration.token.text(), info_, now_);
}

State Device::runLoggingIn() {
  if (slot_.phase == Phase::Trial && !slot_.sent) return failed(Code::Configuration);
  switch (link_.tick(now_)) {
    case Link::State::LoggingIn:
      return state_;
    case Link::State::Ended:
      return redirected();
    case Link::State::Online:
      break;
  }
  tell(Event::LoggedIn);
  settle();
  return State::Online;
}

// After the link has ended: to where the cloud sends the device, if it does.
State Device::redirected() {
  if (!link_.redirected(host_, portNumber_)) return failed(link_.code());
  return ++hops_ > kMaxHops ? failed(Code::CloudOther) : State::Checking;
}

// Makes the configuration that has logged in the proven one, and ends the turns: what
// else was being tried is given up.
void Device::settle() {
  if (product_.inDevelopment()) return;
  if (slot_.phase == Phase::Trial) {
    if (!store_.prove(slot_)) return;
    slot_.phase = Phase::Proven;
    proved_ = true;
    tellOfNetwork(Event::Proven);
  }
  // One trial at most is left beside a proven configuration. Its slot is read on the
  // stack: slot_ stays what is in use.
  Slot other;
  if (store_.trial(0, other)) {
    const Code why = other.lastError == Code::None ? Code::Cloud : other.lastError;
    if (store_.discard(other, why)) tell(Event::Discarded, other.configuration.ssid.text(), why);
  }
  turn_ = 0;
  glance();
}

void Device::enterOnline() {
  online_ = true;
  updates_ = false;
  link_.sync();
  link_.askTime();
  if (proved_) link_.setMeta("Hotspot Name", setupSsid_.text());
  proved_ = false;
  report();
}

// Tells the cloud what it can't know by itself: where the device is at home, and why
// it started.
void Device::report() {
  if (!reasonReported_) reasonReported_ = link_.setMeta("Reset Reason", port_.board.resetReason());
  const Address now = address();
  if (now == reported_) return;
  char text[15];
  Writer w(text, sizeof text);
  putAddress(w, now);
  if (link_.setMeta("IP Address", w.text())) reported_ = now;
}

State Device::runOnline() {
  const bool lost = !port_.radio.joined();
  if (!lost && link_.tick(now_) != Link::State::Ended) return updates_ ? State::Updating : state_;
  const bool sent = !lost && link_.redirected(host_, portNumber_);
  if (elapsed(now_, since_) >= timing_.settled) pauses_ = 0;
  endOnline();
  if (sent) return ++hops_ > kMaxHops ? failed(Code::CloudOther) : State::Checking;
  return rest();
}

void Device::endOnline() {
  if (!online_) return;
  online_ = false;
  disconnect();
  if (!port_.radio.joined()) tellOfNetwork(Event::NetworkLost);
  tell(Event::Disconnected);
}

void Device::onWrite(uint8_t pin, Text value) {
  if (observer_ != nullptr) observer_->onWrite(pin, value);
}

bool Device::onRead(uint8_t pin, Writer& into) { return observer_ != nullptr && observer_->onRead(pin, into); }

void Device::onTime(uint32_t seconds) {
  clock_ = seconds;
  if (observer_ != nullptr) observer_->onTime(seconds);
}

}  // namespace tendril
