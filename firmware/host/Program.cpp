#include "Program.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <new>
#include <nlohmann/json.hpp>

#include "Tendril/Text/Digits.h"

namespace host {
namespace {

using nlohmann::ordered_json;
using tendril::Device;

// How soon a change of the air file is noticed by who is on a network, in milliseconds.
constexpr tendril::Millis kAirInterval = 100;
// A tick at least so often, in milliseconds; sooner where a socket has something.
constexpr int kTick = 5;

std::string dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

// The device's waits, divided; but what it may take no less than, or has in whole
// seconds.
tendril::Timing timing(uint16_t hurry) {
  tendril::Timing t;
  for (uint32_t* wait : {&t.boot, &t.beforeRestart, &t.join, &t.cloud, &t.login, &t.betweenAttempts, &t.setupIdle, &t.trialIdle,
                         &t.retryFirst, &t.retryMax, &t.settled, &t.reopen}) {
    *wait /= hurry;
  }
  t.heartbeatSeconds = static_cast<uint16_t>(std::max(5, t.heartbeatSeconds / hurry));
  // The air is heard anew each time: tests change it while somebody looks.
  t.scanFresh = 0;
  return t;
}

tendril::Text view(const std::string& text) { return tendril::Text(text.data(), text.size()); }
std::string copy(tendril::Text text) { return std::string(text.data, text.size); }

}  // namespace

Program::Program(const Options& options)
    : options_(options),
      roots_(options.ca.empty() ? nullptr : std::make_unique<Roots>(options.ca)),
      air_(options.air),
      flash_(options.state + "/flash.bin"),
      radio_(air_, flash_.mac(), options.hurry),
      sockets_(Endpoint::parse("portal", options.portal), !options.portalDns.empty(),
               options.portalDns.empty() ? Endpoint() : Endpoint::parse("portal-dns", options.portalDns)),
      connection_(radio_, roots_.get()),
      board_(options.verbose),
      story_(options.json) {
  for (const std::string& origin : options_.wizardOrigins) origins_.push_back(origin.c_str());
  product_.templateId = view(options_.product);
  product_.name = view(options_.name);
  product_.vendor = view(options_.vendor);
  product_.unitSuffix = options_.unitSuffix;
  product_.board = "Tendril Firmware";
  product_.host = view(options_.cloudHost);
  product_.port = options_.cloudPort;
  product_.tlsPort = options_.cloudTlsPort;
  product_.tls = roots_ != nullptr;
  product_.wizardOrigins = origins_.data();
  product_.wizardOriginCount = static_cast<uint8_t>(origins_.size());
  product_.token = view(options_.token);
  if (!options_.control.empty()) control_ = std::make_unique<Control>(Endpoint::parse("control", options_.control));
}

Program::~Program() {
  control_.reset();
  forget();
}

tendril::Millis Program::now() const {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<tendril::Millis>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

void Program::run(const volatile std::sig_atomic_t& ended) {
  power(true, false, 0);
  tendril::Millis looked = now();
  std::vector<pollfd> watched;
  while (ended == 0) {
    watched.clear();
    if (control_) watched.push_back({control_->wakes(), POLLIN, 0});
    if (device_ != nullptr) {
      sockets_.watch(watched);
      connection_.watch(watched);
    }
    ::poll(watched.data(), watched.size(), kTick);
    if (tendril::elapsed(now(), looked) >= kAirInterval) {
      looked = now();
      if (air_.refresh()) radio_.follow();
    }
    if (control_) control_->serve([this](const Hand& hand) { return act(hand); });
    sockets_.tidy();
    if (device_ == nullptr) continue;
    radio_.at(now());
    device_->tick(now());
    if (flash_.isOff()) {
      switchOff();
    } else if (board_.takeRestart()) {
      restarts_++;
      board_.because("restart");
      wake();
    } else if (!sockets_.neverOpened().empty()) {
      throw std::runtime_error("opening the setup network: " + sockets_.neverOpened());
    } else if (device_->state() == tendril::State::Refusing) {
      throw std::runtime_error("the flash holds a configuration of a newer version; update this program, or erase the flash");
    }
  }
  if (device_ != nullptr) switchOff();
}

void Program::power(bool on, bool cuts, uint32_t cutAfter) {
  cuts_ = cuts;
  cutAfter_ = cutAfter;
  if (cuts) on = on || device_ != nullptr;
  if (device_ != nullptr && on) {
    flash_.powerOn();  // calls off a cut that hasn't come
    if (cuts) flash_.cutPower(cutAfter);
  } else if (on) {
    switchOn();
  } else if (device_ != nullptr) {
    switchOff();
  }
}

void Program::switchOn() {
  flash_.powerOn();
  if (cuts_) flash_.cutPower(cutAfter_);
  cuts_ = false;
  board_.because("power");
  wake();
  story_.event("powered_on", "", "", tendril::Code::None);
}

void Program::switchOff() {
  forget();
  flash_.powerOff();
  story_.event("powered_off", "", "", tendril::Code::None);
}

void Program::forget() {
  if (device_ == nullptr) return;
  device_->~Device();
  device_ = nullptr;
  pins_.clear();
  sockets_.die();
  connection_.close();
  radio_.leave();
}

void Program::wake() {
  forget();
  std::memset(room_, 0xA5, sizeof room_);
  device_ = new (room_) Device(product_, tendril::Port{flash_, radio_, connection_, sockets_, board_}, timing(options_.hurry));
  device_->observe(this);
  radio_.at(now());
  device_->begin(now());
}

void Program::onEvent(tendril::Event event, tendril::Text ssid, tendril::Code code) {
  // Without power nobody tells anything.
  if (!flash_.isOff()) story_.event(nameOf(event), copy(ssid), sockets_.url(), code);
}

void Program::onWrite(uint8_t pin, tendril::Text value) {
  pins_[pin] = copy(value);
  story_.written(pin, pins_[pin]);
}

bool Program::onRead(uint8_t pin, tendril::Writer& into) {
  const auto found = pins_.find(pin);
  if (found == pins_.end()) return false;
  into.put(view(found->second));
  return true;
}

Answer Program::act(const Hand& hand) {
  switch (hand.kind) {
    case Hand::Kind::Button:
      if (device_ != nullptr) device_->press(hand.heldMilliseconds);
      break;
    case Hand::Kind::Power:
      power(hand.on, hand.cuts, hand.cutAfterBytes);
      break;
    case Hand::Kind::Write:
      return write(hand);
    case Hand::Kind::State:
      break;
    case Hand::Kind::Pins: {
      ordered_json pins = ordered_json::object();
      for (const auto& [pin, value] : pins_) pins["V" + std::to_string(pin)] = value;
      return {200, dump(pins)};
    }
  }
  return {200, state()};
}

Answer Program::write(const Hand& hand) {
  if (device_ == nullptr || !device_->isOnline()) return {409, dump({{"error", "the device is offline; try again when it is connected"}})};
  if (!device_->write(hand.pin, view(hand.value))) return {400, dump({{"error", "the value is too long for a frame, or the network slower than what is written"}})};
  pins_[hand.pin] = hand.value;
  return {200, state()};
}

std::string Program::state() {
  ordered_json s;
  tendril::Code lastError = tendril::Code::None;
  bool configured = false, trial = false;
  if (device_ != nullptr) {
    s["state"] = nameOf(device_->state());
    if (device_->isOpen()) {
      s["setup_network"] = copy(device_->setupNetwork());
      s["portal"] = sockets_.url();
    }
    if (!device_->homeNetwork().empty()) s["home_network"] = copy(device_->homeNetwork());
    lastError = device_->lastError();
    configured = device_->isConfigured();
    trial = device_->hasTrial();
  } else {
    s["state"] = "off";
    tendril::Store store(flash_);
    store.open();
    lastError = store.lastError();
    configured = store.hasProven();
    trial = store.trials() > 0;
  }
  s["last_error"] = static_cast<int>(lastError);
  s["configured"] = configured;
  s["trial"] = trial;
  s["online"] = device_ != nullptr && device_->isOnline();
  s["restarts"] = restarts_;
  char mac[17];
  tendril::Writer w(mac, sizeof mac);
  tendril::putMac(w, flash_.mac().data());
  s["mac"] = copy(w.text());
  if (device_ != nullptr && device_->clock() != 0) {
    const std::time_t local = device_->clock();
    std::tm parts{};
    ::gmtime_r(&local, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%FT%T", &parts);
    s["clock"] = text;
  }
  return dump(s);
}

}  // namespace host
