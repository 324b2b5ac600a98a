#include "Radio.h"

#include <cstdio>
#include <cstring>

namespace host {
namespace {

// How long the virtual radio takes, as the virtual device's.
constexpr uint32_t kScanTime = 300, kJoinTime = 200, kAddressTime = 50;

// The address that DHCP gives.
constexpr uint8_t kLeased[4] = {192, 168, 1, 100};

// A string of the program's own for each name of a security.
const char* standing(const std::string& security) {
  for (const char* name : {"WEP", "WPA", "WPA2", "WPA+WPA2", "WPA3", "WPA2+WPA3", "WPA2-EAP"}) {
    if (security == name) return name;
  }
  return "OPEN";
}

}  // namespace

using tendril::Code;
using tendril::Progress;

void Radio::follow() {
  if (!point_) return;
  for (const AccessPoint& p : air_.all()) {
    if (p.bssid != point_->bssid || p.ssid != point_->ssid) continue;
    if (p.down || p.fiveGHz || p.password != point_->password || p.security != point_->security) break;
    if (!p.leadsOut()) cuts_++;
    point_ = p;
    return;
  }
  point_.reset();
  cuts_++;
}

const std::optional<AccessPoint>& Radio::network() {
  if (air_.refresh()) follow();
  return point_;
}

void Radio::mac(uint8_t into[6]) { std::memcpy(into, mac_.data(), mac_.size()); }

Progress Radio::scan() {
  if (!passed(kScanTime)) return Progress::Working;
  if (air_.refresh()) follow();
  found_ = air_.heard();
  return Progress::Done;
}

bool Radio::foundAt(uint16_t i, tendril::Network& into) {
  if (i >= found_.size()) return false;
  const AccessPoint& p = found_[i];
  into = tendril::Network();
  if (!p.hidden) into.ssid.set(tendril::Text(p.ssid.data(), p.ssid.size()));
  unsigned bytes[6];
  std::sscanf(p.bssid.c_str(), "%x:%x:%x:%x:%x:%x", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4], &bytes[5]);
  for (int b = 0; b < 6; b++) into.bssid[b] = static_cast<uint8_t>(bytes[b]);
  into.rssi = static_cast<int8_t>(p.rssi);
  into.channel = static_cast<uint8_t>(p.channel);
  into.security = standing(p.security);
  into.hidden = p.hidden;
  return true;
}

void Radio::beginJoin(const tendril::Configuration& configuration) {
  leave();
  wanted_ = configuration;
  since_ = now_;
}

// Tells why the access point doesn't let the device in; None if it does.
Code Radio::admit(const AccessPoint& point) const {
  const tendril::Text password = wanted_.password.text();
  if (point.security == "WPA2-EAP") return Code::Join;
  // Anybody can open a network of the same name; a password says that the
  // customer's isn't open.
  if (point.security == "OPEN" && !password.empty()) return Code::Join;
  return password == tendril::Text(point.password.data(), point.password.size()) ? Code::None : Code::WrongPassword;
}

Progress Radio::join(bool& associated, Code& why) {
  associated = false;
  if (!point_) {
    if (!passed(kJoinTime)) return Progress::Working;
    if (air_.refresh()) follow();
    why = Code::NetworkNotFound;
    for (const AccessPoint& p : air_.heard()) {
      if (wanted_.ssid.text() != tendril::Text(p.ssid.data(), p.ssid.size())) continue;
      const Code refused = admit(p);
      if (refused == Code::None) {
        point_ = p;
        since_ = now_;
        break;
      }
      // If none lets it in, the strongest one's reason counts.
      if (why == Code::NetworkNotFound) why = refused;
    }
    if (!point_) return Progress::Failed;
  }
  associated = true;
  if (!wanted_.hasStatic && !passed(kAddressTime)) return Progress::Working;
  if (!network()) {
    why = Code::Join;
    return Progress::Failed;
  }
  if (wanted_.hasStatic) {
    address_ = wanted_.fixed.ip;
  } else if (point_->noDhcp) {
    why = Code::NoAddress;
    return Progress::Failed;
  } else {
    std::memcpy(address_.bytes, kLeased, sizeof kLeased);
  }
  addressed_ = true;
  return Progress::Done;
}

void Radio::leave() {
  if (point_) cuts_++;
  point_.reset();
  addressed_ = false;
  address_ = tendril::Address();
  wanted_.password.wipe();
}

}  // namespace host
