#include "World.h"

#include <Tendril/Protocol/Frame.h>
#include <Tendril/Text/Writer.h>

#include <new>

using tendril::Address;
using tendril::Code;
using tendril::Millis;
using tendril::Progress;
using tendril::Text;

namespace {

constexpr uint32_t kJoinTime = 1500, kAddressTime = 500, kScanTime = 2200, kLookupTime = 30, kDialTime = 80;

}  // namespace

class WorldRadio : public tendril::Radio {
 public:
  explicit WorldRadio(World& world) : w(world) {}

  void mac(uint8_t into[6]) override {
    const uint8_t mac[6] = {0x02, 0x00, 0x5E, 0x10, 0x00, 0x01};
    memcpy(into, mac, sizeof mac);
  }
  void beginScan() override {
    w.scans++;
    w.scanBegan_ = w.now;
  }
  Progress scan() override { return w.scanHangs || tendril::elapsed(w.now, w.scanBegan_) < kScanTime ? Progress::Working : Progress::Done; }
  uint16_t found() override { return static_cast<uint16_t>(w.routers.size()); }
  bool foundAt(uint16_t i, tendril::Network& into) override {
    auto at = w.routers.begin();
    std::advance(at, i);
    into = tendril::Network();
    into.ssid.set(text(at->first));
    into.rssi = -50;
    into.channel = 6;
    into.security = at->second.password.empty() ? "OPEN" : "WPA2";
    return true;
  }
  bool openSetup(Text, Text) override {
    // The home network is closed by then: both may have the same addresses.
    if (w.joined_) w.log.push_back("VIOLATION: two networks at once");
    return w.setupOpen_ = !w.setupFails;
  }
  void closeSetup() override { w.setupOpen_ = false; }
  void beginJoin(const tendril::Configuration& c) override {
    if (w.setupOpen_) w.log.push_back("VIOLATION: two networks at once");
    w.wanted_ = c;
    w.joinBegan_ = w.now;
    w.joined_ = false;
  }
  Progress join(bool& associated, Code& why) override {
    associated = false;
    const uint32_t passed = tendril::elapsed(w.now, w.joinBegan_);
    if (passed < kJoinTime) return Progress::Working;
    const auto found = w.routers.find(string(w.wanted_.ssid.text()));
    if (found == w.routers.end() || !found->second.up) {
      if (found != w.routers.end() && found->second.swallows) return Progress::Working;
      why = Code::NetworkNotFound;
      return Progress::Failed;
    }
    if (found->second.password != string(w.wanted_.password.text())) {
      why = Code::WrongPassword;
      return Progress::Failed;
    }
    associated = true;
    if (!found->second.dhcp || passed < kJoinTime + kAddressTime) return Progress::Working;
    w.joined_ = true;
    return Progress::Done;
  }
  bool joined() override { return w.joinedRouter() != nullptr; }
  Address address() override { return Address{{192, 168, 4, 77}}; }
  int8_t rssi() override { return -61; }
  void leave() override { w.joined_ = false; }

 private:
  World& w;
};

class WorldConnection : public tendril::Connection {
 public:
  explicit WorldConnection(World& world) : w(world) {}

  void beginResolve(Text host) override {
    w.target_ = string(host);
    w.asked_ = w.now;
  }
  Progress resolve(Code& why) override {
    if (tendril::elapsed(w.now, w.asked_) < kLookupTime) return Progress::Working;
    const Router* router = w.joinedRouter();
    if (router != nullptr && router->dns) return Progress::Done;
    if (router != nullptr && router->swallows) return Progress::Working;
    why = Code::Dns;
    return Progress::Failed;
  }
  void beginConnect(Text host, uint16_t port, bool) override {
    w.target_ = string(host) + ":" + std::to_string(port);
    w.asked_ = w.now;
    w.dialled_ = true;
    // What is lost on the way stays lost, even if the way is free later.
    w.doomed_ = !w.leadsOut() || !w.cloud.up;
  }
  Progress connect(Code& why) override {
    if (tendril::elapsed(w.now, w.asked_) < kDialTime) return Progress::Working;
    why = Code::Cloud;
    const Router* router = w.joinedRouter();
    if (w.doomed_) {
      const bool swallowed = (router != nullptr && router->swallows && !router->internet) || (w.cloud.swallows && !w.cloud.up);
      if (swallowed) return Progress::Working;
      if (router != nullptr && !router->internet) why = Code::CaptivePortal;
      return Progress::Failed;
    }
    if (w.cloud.untrusted) {
      why = Code::Tls;
      return Progress::Failed;
    }
    w.cloud.hosts.push_back(w.target_);
    w.connected_ = true;
    w.toDevice_.clear();
    w.fromDevice_.clear();
    w.loggedIn_.clear();
    return Progress::Done;
  }
  int read(void* into, size_t size) override {
    if (w.toDevice_.empty()) return w.connected_ ? 0 : -1;
    const size_t n = std::min(size, w.toDevice_.size());
    memcpy(into, w.toDevice_.data(), n);
    w.toDevice_.erase(0, n);
    return static_cast<int>(n);
  }
  int write(const void* data, size_t size) override {
    if (!w.connected_) return -1;
    // Without power nothing leaves any more.
    if (w.leadsOut() && w.cloud.up && !w.flash.off) w.fromDevice_.append(static_cast<const char*>(data), size);
    return static_cast<int>(size);
  }
  void close() override { w.connected_ = w.dialled_ = false; }

 private:
  World& w;
};

class WorldSockets : public tendril::SetupSockets {
 public:
  explicit WorldSockets(World& world) : w(world) {}

  bool open() override { return w.socketsOpen_ = w.setupOpen_; }
  void close() override { w.socketsOpen_ = w.phoneServed_ = false; }
  Address address() override { return Address{{192, 168, 4, 1}}; }
  uint16_t port() override { return 80; }
  bool accept(uint8_t i) override {
    if (!w.phoneWaits_) return false;
    w.phoneWaits_ = false;
    w.phoneServed_ = true;
    w.phoneSlot_ = i;
    return true;
  }
  Address peer(uint8_t) override { return Address{{192, 168, 4, 2}}; }
  int read(uint8_t i, void* into, size_t size) override {
    if (!isPhone(i)) return -1;
    const size_t n = std::min(size, w.toPortal_.size());
    memcpy(into, w.toPortal_.data(), n);
    w.toPortal_.erase(0, n);
    return static_cast<int>(n);
  }
  int write(uint8_t i, const void* data, size_t size) override {
    if (!isPhone(i)) return -1;
    if (!w.flash.off) w.fromPortal_.append(static_cast<const char*>(data), size);
    return static_cast<int>(size);
  }
  void drop(uint8_t i) override {
    if (isPhone(i)) w.phoneServed_ = false;
  }
  size_t readName(void*, size_t) override { return 0; }
  void writeName(const void*, size_t) override {}

 private:
  bool isPhone(uint8_t i) const { return w.phoneServed_ && w.phoneSlot_ == i; }

  World& w;
};

class WorldBoard : public tendril::Board {
 public:
  explicit WorldBoard(World& world) : w(world) {}

  uint32_t random() override { return static_cast<uint32_t>(w.random()); }
  void restart() override { w.restartAsked_ = true; }
  const char* resetReason() override { return w.resetReason; }
  bool buttonHeld() override { return w.buttonHeld; }
  void light(uint8_t level) override { w.light = level; }
  void pbkdf2(Text, Text, uint16_t, uint8_t* into, size_t size) override { memset(into, 7, size); }
  void log(Text line) override { w.log.push_back(string(line)); }
  int input() override {
    if (w.typed.empty()) return -1;
    const auto c = static_cast<unsigned char>(w.typed[0]);
    w.typed.erase(0, 1);
    return c;
  }

 private:
  World& w;
};

struct World::Parts {
  explicit Parts(World& w) : radio(w), connection(w), sockets(w), board(w) {}
  WorldRadio radio;
  WorldConnection connection;
  WorldSockets sockets;
  WorldBoard board;
};

World::World(uint32_t seed)
    : random(seed), parts_(new Parts(*this)), port_{flash, parts_->radio, parts_->connection, parts_->sockets, parts_->board} {
  product.templateId = "TMPLplant001";
  product.name = "myPlant";
  product.vendor = "Blynk";
  product.unitSuffix = false;
  product.board = "Test";
  routers["Home"] = Router();
}

World::~World() {
  forget();
  delete parts_;
}

void World::powerOn() {
  if (isOn()) return;
  flash.powerOn();
  resetReason = "power";
  wake();
}

void World::powerOff() {
  if (!isOn()) return;
  forget();
  flash.off = true;
}

void World::forget() {
  if (!isOn()) return;
  device_->~Device();
  device_ = nullptr;
  joined_ = setupOpen_ = socketsOpen_ = phoneServed_ = connected_ = restartAsked_ = false;
  light = 0;
}

// In memory that holds nothing of the life before.
void World::wake() {
  forget();
  memset(room_, 0xA5, sizeof room_);
  device_ = new (room_) tendril::Device(product, port_, timing);
  device_->observe(this);
  device_->begin(now);
}

void World::run(uint32_t milliseconds, uint32_t stepSize) {
  for (uint32_t passed = 0; passed < milliseconds; passed += stepSize) {
    now += stepSize;
    step();
  }
}

void World::step() {
  if (!isOn() && !loop) return;
  // A network that is gone takes the connection with it; one without a way out holds
  // its tongue.
  if (!joinedRouter()) joined_ = connected_ = false;
  if (connected_ && !leadsOut() && !joinedRouter()->swallows) connected_ = false;
  if (connected_ && !cloud.up && !cloud.swallows) connected_ = false;
  if (loop) {
    loop();
  } else {
    device_->tick(now);
  }
  cloudHears();
  if (loop) return;
  if (flash.off) {
    forget();
  } else if (restartAsked_) {
    restarts++;
    resetReason = "restart";
    wake();
  }
}

bool World::runUntil(tendril::State state, uint32_t milliseconds) {
  return runUntilIs([&] { return isOn() && device_->state() == state; }, milliseconds);
}

const Router* World::joinedRouter() const {
  if (!joined_) return nullptr;
  const auto found = routers.find(string(wanted_.ssid.text()));
  return found != routers.end() && found->second.up ? &found->second : nullptr;
}

bool World::leadsOut() const {
  const Router* router = joinedRouter();
  return router != nullptr && router->internet;
}

void World::cloudHears() {
  if (connected_ && fromDevice_.rfind("GET ", 0) == 0) {
    if (fromDevice_.find("\r\n\r\n") == std::string::npos) return;
    toDevice_ += cloud.image;
    connected_ = false;
    return;
  }
  while (connected_ && fromDevice_.size() >= tendril::kFrameHeader) {
    const tendril::FrameHeader header = tendril::parseHeader(reinterpret_cast<const uint8_t*>(fromDevice_.data()));
    const size_t size = tendril::kFrameHeader + header.bodySize();
    if (fromDevice_.size() < size) return;
    std::string body = fromDevice_.substr(tendril::kFrameHeader, size - tendril::kFrameHeader);
    fromDevice_.erase(0, size);
    const auto respond = [&](uint16_t status) {
      const char raw[] = {0, static_cast<char>(header.id >> 8), static_cast<char>(header.id), static_cast<char>(status >> 8), static_cast<char>(status)};
      toDevice_.append(raw, sizeof raw);
    };
    switch (header.command) {
      case tendril::Command::Login: {
        cloud.logins.push_back(body);
        if (!cloud.redirect.empty()) {
          std::string to = cloud.redirect;
          cloud.redirect.clear();
          cloud.given.push_back(CloudSide::kSilence);
          for (char& c : to) c = c == '|' ? '\0' : c;
          const char raw[] = {41, 0, 1, 0, static_cast<char>(to.size())};
          toDevice_ += std::string(raw, sizeof raw) + to;
          break;
        }
        const auto own = cloud.answers.find(body);
        const uint16_t status = own != cloud.answers.end() ? own->second : cloud.answer;
        cloud.given.push_back(status);
        if (status != CloudSide::kSilence) respond(status);
        if (status == 200) loggedIn_ = body;
        break;
      }
      case tendril::Command::Ping:
        respond(200);
        break;
      default:
        for (char& c : body) c = c == '\0' ? '|' : c;
        cloud.frames.push_back(body);
    }
  }
}

std::string World::ask(const std::string& method, const std::string& path, const std::string& body) {
  if (!socketsOpen_) return "";
  toPortal_ = method + " " + path + " HTTP/1.1\r\nHost: 192.168.4.1\r\n";
  if (method == "POST") toPortal_ += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  toPortal_ += "\r\n" + body;
  fromPortal_.clear();
  phoneWaits_ = true;
  runUntilIs([this] { return !phoneWaits_ && !phoneServed_; }, 30000);
  phoneWaits_ = false;
  return fromPortal_;
}

int World::handOver(const tendril::Configuration& c, bool save) {
  static const char kDigits[] = "0123456789ABCDEF";
  const auto escaped = [](Text t) {
    std::string out;
    for (size_t i = 0; i < t.size; i++) {
      const auto byte = static_cast<unsigned char>(t[i]);
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
    return out;
  };
  std::string form = "ssid=" + escaped(c.ssid.text()) + "&pass=" + escaped(c.password.text());
  if (!c.token.empty()) form += "&blynk=" + escaped(c.token.text());
  if (!c.host.empty()) form += "&host=" + escaped(c.host.text());
  if (c.port != 0) form += "&port=" + std::to_string(c.port) + "&port_ssl=" + std::to_string(c.tlsPort);
  if (save) form += "&save=1";
  const std::string answer = ask("POST", "/config", form);
  return answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0;
}

void World::hold(uint32_t milliseconds) {
  buttonHeld = true;
  run(milliseconds);
  buttonHeld = false;
  run(100);
}

int World::count(const std::string& event) const {
  int n = 0;
  for (const std::string& e : events) n += e.rfind(event, 0) == 0 && (e.size() == event.size() || e[event.size()] == ' ');
  return n;
}

void World::onEvent(tendril::Event event, Text ssid, Code code) {
  if (flash.off) return;
  std::string line = nameOf(event);
  if (!ssid.empty()) line += " " + string(ssid);
  if (code != Code::None) line += " " + std::to_string(static_cast<int>(code));
  events.push_back(line);
}

void World::onWrite(uint8_t pin, Text value) { written[pin] = string(value); }

bool World::onRead(uint8_t pin, tendril::Writer& into) {
  const auto found = readable.find(pin);
  if (found == readable.end()) return false;
  into.put(text(found->second));
  return true;
}
