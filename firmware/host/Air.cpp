#include "Air.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "Options.h"

namespace host {
namespace {

using nlohmann::json;

constexpr int kMaxChannel24 = 14, kMinChannel5 = 36, kMaxChannel5 = 177;
constexpr size_t kShortWep = 5, kLongWep = 13;

[[noreturn]] void wrong(const std::string& what) { throw std::runtime_error(what); }

// A string's bytes: what isn't UTF-8 comes as digits, in another key.
std::string text(const json& value, const char* key) {
  if (!value.is_string()) wrong(std::string(key) + " must be a string, not a " + value.type_name());
  return value.get<std::string>();
}

bool truth(const json& value, const char* key) {
  if (!value.is_boolean()) wrong(std::string(key) + " must be a boolean, not a " + value.type_name());
  return value.get<bool>();
}

int whole(const json& value, const char* key) {
  if (!value.is_number_integer()) wrong(std::string(key) + " must be a whole number, not a " + value.type_name());
  const auto number = value.get<long long>();
  return static_cast<int>(std::clamp(number, -100000LL, 100000LL));
}

bool fromHex(const std::string& digits, std::string& into) {
  if (digits.size() % 2 != 0) return false;
  into.clear();
  for (size_t i = 0; i < digits.size(); i += 2) {
    int byte = 0;
    for (size_t j = i; j < i + 2; j++) {
      const char c = digits[j];
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) return false;
      byte = byte * 16 + digit;
    }
    into.push_back(static_cast<char>(byte));
  }
  return true;
}

bool isMac(const std::string& text) {
  if (text.size() != 17) return false;
  for (size_t i = 0; i < text.size(); i++) {
    if (i % 3 == 2 ? text[i] != ':' && text[i] != '-' : std::string("0123456789abcdefABCDEF").find(text[i]) == std::string::npos) return false;
  }
  return true;
}

void checkSecurity(const AccessPoint& p) {
  const size_t size = p.password.size();
  if (p.security == "OPEN" || p.security == "WPA2-EAP") {
    if (size != 0) wrong("password must be empty where security is " + p.security);
  } else if (p.security == "WEP") {
    if (size != kShortWep && size != kLongWep) wrong("password must be 5 or 13 bytes where security is WEP");
  } else if (p.security == "WPA" || p.security == "WPA2" || p.security == "WPA+WPA2" || p.security == "WPA3" || p.security == "WPA2+WPA3") {
    if (size < 8 || size > 63) wrong("password must be 8 to 63 bytes where security is " + p.security);
  } else {
    wrong("security must be OPEN, WEP, WPA, WPA2, WPA+WPA2, WPA3, WPA2+WPA3 or WPA2-EAP");
  }
}

AccessPoint parsePoint(const json& entry) {
  if (!entry.is_object()) wrong("it must be a JSON object");
  AccessPoint p;
  bool named = false, hasChannel = false, hasBand = false, five = false;
  std::string ssidHex, passwordHex;
  p.rssi = -50;
  for (const auto& [key, value] : entry.items()) {
    const char* k = key.c_str();
    if (key == "ssid") {
      p.ssid = text(value, k);
      named = true;
    } else if (key == "ssid_hex") {
      if (!fromHex(text(value, k), ssidHex)) wrong("ssid_hex must be hexadecimal digits in pairs");
    } else if (key == "password") {
      p.password = text(value, k);
    } else if (key == "password_hex") {
      if (!fromHex(text(value, k), passwordHex)) wrong("password_hex must be hexadecimal digits in pairs, in place of password");
    } else if (key == "security") {
      p.security = text(value, k);
    } else if (key == "rssi") {
      p.rssi = whole(value, k);
      if (p.rssi < -100 || p.rssi > -1) wrong("rssi must be -100 to -1 dBm");
    } else if (key == "channel") {
      p.channel = whole(value, k);
      hasChannel = true;
    } else if (key == "band") {
      const std::string band = text(value, k);
      if (band != "2.4" && band != "5") wrong("band must be \"2.4\" or \"5\"");
      hasBand = true;
      five = band == "5";
    } else if (key == "bssid") {
      p.bssid = text(value, k);
    } else if (key == "hidden") {
      p.hidden = truth(value, k);
    } else if (key == "internet") {
      p.noInternet = !truth(value, k);
    } else if (key == "captive_portal") {
      p.captivePortal = truth(value, k);
    } else if (key == "dhcp") {
      p.noDhcp = !truth(value, k);
    } else if (key == "dns") {
      p.noDns = !truth(value, k);
    } else if (key == "router_down") {
      p.down = truth(value, k);
    } else {
      wrong("unknown field \"" + key + "\"");
    }
  }
  if (entry.contains("ssid_hex")) {
    if (named) wrong("give ssid or ssid_hex, not both");
    p.ssid = ssidHex;
  } else if (!named) {
    wrong("it needs an ssid");
  }
  if (!passwordHex.empty()) {
    if (!p.password.empty()) wrong("password_hex must be hexadecimal digits in pairs, in place of password");
    p.password = passwordHex;
  }
  if (hasChannel) {
    p.fiveGHz = p.channel > kMaxChannel24;
    if (p.channel < 1 || p.channel > kMaxChannel5 || (p.fiveGHz && p.channel < kMinChannel5)) wrong("channel must be 1 to 14, or 36 to 177 in the 5 GHz band");
    if (hasBand && five != p.fiveGHz) wrong("channel is not in that band");
  } else {
    p.fiveGHz = five;
    p.channel = five ? kMinChannel5 : 1;
  }
  if (p.ssid.empty() || p.ssid.size() > 32) wrong("ssid must be 1 to 32 bytes");
  if (!p.bssid.empty() && !isMac(p.bssid)) wrong("bssid must be six bytes, as in 02:00:5e:10:00:01");
  if (p.security.empty()) p.security = p.password.empty() ? "OPEN" : p.password.size() == kShortWep ? "WEP" : "WPA2";
  checkSecurity(p);
  return p;
}

// A BSSID of the name and of how many of that name came before, as the virtual
// device makes it: FNV-1a of 64 bits, of which the first six bytes.
std::string madeBssid(const std::string& ssid, int before) {
  uint64_t sum = 14695981039346656037ULL;
  for (const char c : ssid + std::string(1, '\0') + std::to_string(before)) {
    sum ^= static_cast<uint8_t>(c);
    sum *= 1099511628211ULL;
  }
  std::string made;
  for (int i = 0; i < 6; i++) {
    auto byte = static_cast<unsigned>(sum >> (56 - 8 * i) & 0xFF);
    if (i == 0) byte = (byte & ~1U) | 2U;  // one station's, locally administered
    char digits[4];
    std::snprintf(digits, sizeof digits, "%02X", byte);
    made += (i > 0 ? ":" : "") + std::string(digits);
  }
  return made;
}

std::string readFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  if (!file || !(content << file.rdbuf())) return "";
  return content.str();
}

}  // namespace

std::vector<AccessPoint> parseAir(const std::string& text) {
  json list;
  try {
    list = json::parse(text);
  } catch (const json::exception&) {
    wrong("the air must be one JSON array of networks");
  }
  if (!list.is_array()) wrong("the air must be a JSON array of networks");
  std::vector<AccessPoint> points;
  std::map<std::string, int> seen;
  for (const json& entry : list) {
    try {
      AccessPoint p = parsePoint(entry);
      const int before = seen[p.ssid]++;
      if (p.bssid.empty()) p.bssid = madeBssid(p.ssid, before);
      for (char& c : p.bssid) c = c == '-' ? ':' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      points.push_back(p);
    } catch (const std::runtime_error& e) {
      wrong("network " + std::to_string(points.size() + 1) + " of the air: " + e.what());
    }
  }
  return points;
}

Air::Air(std::string path) : path_(std::move(path)), text_(readFile(path_)) {
  if (text_.empty()) throw UsageError("the air can't be read: open " + path_ + ": no such file, or an empty one");
  try {
    points_ = parseAir(text_);
  } catch (const std::runtime_error& e) {
    throw UsageError("the air can't be read: " + path_ + ": " + e.what());
  }
}

bool Air::refresh() {
  const std::string text = readFile(path_);
  // A file that is being replaced may be away or empty for a moment.
  if (text.empty() || text == text_) return false;
  text_ = text;
  try {
    points_ = parseAir(text);
  } catch (const std::runtime_error& e) {
    std::cerr << "tendril-firmware: the air file can't be read; the air stays as it was: " << path_ << ": " << e.what() << "\n";
    return false;
  }
  return true;
}

std::vector<AccessPoint> Air::heard() const {
  std::vector<AccessPoint> heard;
  for (const AccessPoint& p : points_) {
    if (!p.fiveGHz && !p.down) heard.push_back(p);
  }
  std::stable_sort(heard.begin(), heard.end(), [](const AccessPoint& a, const AccessPoint& b) { return a.rssi > b.rssi; });
  return heard;
}

}  // namespace host
