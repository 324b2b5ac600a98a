#include "../../Tendril.h"

TendrilClass Tendril;

namespace tendril {

WriteHandler* WriteHandler::first = nullptr;
ReadHandler* ReadHandler::first = nullptr;

namespace {

// <new> isn't there where the compiler has no C++ library.
struct Here {};

// Where begin makes the device: what it is made of is known only then. Zeros on their
// own cost nothing in flash.
alignas(Device) uint8_t room[sizeof(Device)];
alignas(Console) uint8_t consoleRoom[sizeof(Console)];

}  // namespace
}  // namespace tendril

inline void* operator new(size_t, void* where, tendril::Here) noexcept { return where; }

using tendril::Device;

void TendrilClass::begin(const tendril::Product& product, const tendril::Wiring& wiring) {
  if (device_ != nullptr) return;
  tendril::Port& port = tendril::chip(wiring);
  device_ = new (tendril::room, tendril::Here{}) Device(product, port);
  console_ = wiring.console ? new (tendril::consoleRoom, tendril::Here{}) tendril::Console(*device_, port.board) : nullptr;
  device_->observe(this);
  device_->begin(tendril::uptime());
}

void TendrilClass::run() {
  if (device_ == nullptr) return;
  const tendril::Millis now = tendril::uptime();
  device_->tick(now);
  if (console_ != nullptr) console_->tick();
  const bool online = device_->isOnline();
  if (online != wasOnline_) {
    wasOnline_ = online;
    const Function handler = online ? connectedHandler_ : disconnectedHandler_;
    if (handler != nullptr) handler();
  }
  timers_.run(now);
}

bool TendrilClass::connected() const { return device_ != nullptr && device_->isOnline(); }

tendril::State TendrilClass::state() const { return device_ == nullptr ? tendril::State::Starting : device_->state(); }

bool TendrilClass::write(uint8_t datastream, tendril::Text value) {
  if (device_ == nullptr) return false;
  if (answer_ == nullptr || datastream != asked_) return device_->write(datastream, value);
  // The cloud asks for just this: it is the answer.
  answer_->put(value);
  answer_ = nullptr;
  return true;
}

bool TendrilClass::sync() { return device_ != nullptr && device_->sync(); }

bool TendrilClass::sync(uint8_t datastream) { return device_ != nullptr && device_->sync(datastream); }

bool TendrilClass::logEvent(const char* code, const char* description) { return device_ != nullptr && device_->logEvent(code, description); }

uint32_t TendrilClass::clock() const { return device_ == nullptr ? 0 : device_->clock(); }

void TendrilClass::onWrite(uint8_t pin, tendril::Text value) {
  for (const tendril::WriteHandler* h = tendril::WriteHandler::first; h != nullptr; h = h->next) {
    if (h->pin == pin) h->function(tendril::Value(value));
  }
}

bool TendrilClass::onRead(uint8_t pin, tendril::Writer& into) {
  for (const tendril::ReadHandler* h = tendril::ReadHandler::first; h != nullptr; h = h->next) {
    if (h->pin != pin) continue;
    answer_ = &into;
    asked_ = pin;
    h->function();
    const bool answered = answer_ == nullptr;
    answer_ = nullptr;
    return answered;
  }
  return false;
}
