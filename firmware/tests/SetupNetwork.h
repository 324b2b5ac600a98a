// A setup network without a radio: sockets that hand over as much at a time as a
// test wants, a device that notes what it is told, and a portal between them.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "Tendril/Portal/Portal.h"
#include "cases/Pbkdf2.h"

namespace tests {

using tendril::Millis;
using tendril::Text;

inline std::string str(Text text) { return std::string(text.data, text.size); }

// One client's connection, seen from its end.
struct Phone {
  std::string in;   // what it sends
  size_t sent = 0;  // of that, so far
  size_t pace = SIZE_MAX, takes = SIZE_MAX;  // bytes at most that go each way in one call
  bool stalls = false;                       // it sends and takes nothing more
  bool hangsUp = false;                      // at the end of what it sends
  bool gone = false;                         // it takes nothing: the connection is broken
  tendril::Address address{{192, 168, 4, 2}};
  std::string out;  // what it was sent
  bool dropped = false;
};

class FakeSockets : public tendril::SetupSockets {
 public:
  bool opens = true;
  bool isOpen = false;
  tendril::Address own{{192, 168, 4, 1}};
  uint16_t at = 80;
  std::deque<std::shared_ptr<Phone>> waiting;
  std::deque<std::string> questions;
  std::vector<std::string> answers;

  bool open() override { return isOpen = opens; }
  void close() override { isOpen = false; }
  tendril::Address address() override { return own; }
  uint16_t port() override { return at; }
  bool accept(uint8_t i) override {
    if (waiting.empty()) return false;
    taken_.at(i) = waiting.front();
    waiting.pop_front();
    return true;
  }
  tendril::Address peer(uint8_t i) override { return taken_.at(i)->address; }
  int read(uint8_t i, void* into, size_t size) override {
    Phone& phone = *taken_.at(i);
    if (phone.gone) return -1;
    if (phone.stalls) return 0;
    const size_t n = std::min({size, phone.pace, phone.in.size() - phone.sent});
    if (n == 0) return phone.hangsUp ? -1 : 0;
    memcpy(into, phone.in.data() + phone.sent, n);
    phone.sent += n;
    return static_cast<int>(n);
  }
  int write(uint8_t i, const void* data, size_t size) override {
    Phone& phone = *taken_.at(i);
    if (phone.gone) return -1;
    if (phone.stalls) return 0;
    const size_t n = std::min(size, phone.takes);
    phone.out.append(static_cast<const char*>(data), n);
    return static_cast<int>(n);
  }
  void drop(uint8_t i) override {
    taken_.at(i)->dropped = true;
    taken_.at(i) = nullptr;
  }
  size_t readName(void* into, size_t size) override {
    if (questions.empty()) return 0;
    const size_t n = std::min(size, questions.front().size());
    memcpy(into, questions.front().data(), n);
    questions.pop_front();
    return n;
  }
  void writeName(const void* data, size_t size) override { answers.emplace_back(static_cast<const char*>(data), size); }

 private:
  std::vector<std::shared_ptr<Phone>> taken_ = std::vector<std::shared_ptr<Phone>>(kClients);
};

class FakeDevice : public tendril::PortalDevice {
 public:
  tendril::BoardInfo info;
  std::vector<tendril::Network> networks;
  tendril::Progress progress = tendril::Progress::Done;
  Accepted answer = Accepted::Yes;
  tendril::Parameter field = tendril::Parameter::Host;
  bool proven = false, resets = true;
  std::vector<tendril::Configuration> accepted;
  std::vector<bool> saves;
  int kepts = 0, resetCalls = 0, reboots = 0, uses = 0, scans = 0;

  FakeDevice() {
    info.board = "Board";
    info.templateId = info.firmwareType = "TMPLabcdefgh";
    info.firmwareVersion = "0.1.0";
    info.vendor = "Tendril";
    info.name = "</script>";
    info.ssid = "Tendril \"Pfl\xC3\xA4nzchen\"";
    const uint8_t mac[] = {0x1A, 0xD7, 0x86, 0xB5, 0x5E, 0xFF}, bssid[] = {0x1A, 0xD7, 0x86, 0xB5, 0x5E, 0x00};
    memcpy(info.mac, mac, 6);
    memcpy(info.bssid, bssid, 6);
    info.lastError = tendril::Code::WrongPassword;
  }
  int changes() const { return static_cast<int>(accepted.size()) + resetCalls + reboots; }

  void boardInfo(tendril::BoardInfo& into) override { into = info; }
  void beginScan() override { scans++; }
  tendril::Progress scan() override { return progress; }
  uint16_t found() override { return static_cast<uint16_t>(networks.size()); }
  bool foundAt(uint16_t i, tendril::Network& into) override {
    if (i >= networks.size()) return false;
    into = networks[i];
    return true;
  }
  Accepted accept(const tendril::Configuration& configuration, bool save, tendril::Parameter& into) override {
    if (answer == Accepted::Yes) {
      accepted.push_back(configuration);
      saves.push_back(save);
    }
    into = field;
    return answer;
  }
  void kept() override { kepts++; }
  bool reset(bool& keptProven) override {
    resetCalls++;
    keptProven = proven;
    return resets;
  }
  void reboot() override { reboots++; }
  void used() override { uses++; }
};

class FakeBoard : public tendril::Board {
 public:
  uint32_t random() override { return 4; }
  void restart() override {}
  const char* resetReason() override { return "power"; }
  bool buttonHeld() override { return false; }
  void light(uint8_t) override {}
  void pbkdf2(Text password, Text salt, uint16_t rounds, uint8_t* into, size_t size) override { cases::pbkdf2(password, salt, rounds, into, size); }
  void log(Text) override {}
};

// What came back: status 0 if nothing did.
struct Reply {
  int status = 0;
  std::multimap<std::string, std::string> headers;
  std::string body;
  bool whole = false;  // as long as it says

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

Reply parse(const std::string& text, bool head = false);

class SetupNetwork {
 public:
  explicit SetupNetwork(bool open = true) {
    if (open) portal.open();
  }

  FakeSockets sockets;
  FakeDevice device;
  FakeBoard board;
  tendril::Workspace workspace;
  static constexpr const char* kWizards[] = {"https://wizard.example", "http://10.0.0.9:8080"};
  tendril::Portal portal{sockets, device, workspace, board, {kWizards, 2, false}};
  Millis now = 0xFFFFF000;  // the clock wraps soon

  std::shared_ptr<Phone> call(const std::string& text) {
    auto phone = std::make_shared<Phone>();
    phone->in = text;
    sockets.waiting.push_back(phone);
    return phone;
  }
  // Lets time pass, in ticks of 10 ms.
  void pass(uint32_t millis) {
    for (uint32_t passed = 0; passed < millis; passed += 10) {
      portal.tick(now);
      now += 10;
    }
  }
  // Sends text and waits for the end of the connection.
  Reply raw(const std::string& text, size_t pace = SIZE_MAX, size_t takes = SIZE_MAX);
  // A request with headers, "Name: value".
  Reply ask(const std::string& method, const std::string& target, const std::string& body = "", const std::vector<std::string>& headers = {});
};

std::string request(const std::string& method, const std::string& target, const std::string& body, const std::vector<std::string>& headers);

}  // namespace tests
