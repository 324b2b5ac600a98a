#ifdef ESP32

#include "Radio.h"

namespace tendril {
namespace esp32 {

namespace {

IPAddress toIp(const Address& a) { return IPAddress(a.bytes[0], a.bytes[1], a.bytes[2], a.bytes[3]); }

const char* securityName(uint8_t mode) {
  switch (mode) {
    case WIFI_AUTH_OPEN: return "OPEN";
    case WIFI_AUTH_WEP: return "WEP";
    case WIFI_AUTH_WPA_PSK: return "WPA";
    case WIFI_AUTH_WPA_WPA2_PSK: return "WPA+WPA2";
    case WIFI_AUTH_WPA2_ENTERPRISE: return "WPA2-EAP";
    case WIFI_AUTH_WPA3_PSK: return "WPA3";
    case WIFI_AUTH_WPA2_WPA3_PSK: return "WPA2+WPA3";
    default: return "WPA2";
  }
}

// Reasons that newer versions of ESP-IDF have beside "not found": there is none whose
// security fits, or is good enough.
constexpr uint8_t kNoCompatibleSecurity = 210, kBelowSecurity = 211;

Code codeOf(uint8_t reason) {
  switch (reason) {
    case WIFI_REASON_NO_AP_FOUND:
    case kNoCompatibleSecurity:
    case kBelowSecurity: return Code::NetworkNotFound;
    // What a wrong password looks like: the handshake that proves it comes to no end.
    case WIFI_REASON_MIC_FAILURE:
    case WIFI_REASON_4WAY_HANDSHAKE_TIMEOUT:
    case WIFI_REASON_AUTH_FAIL:
    case WIFI_REASON_HANDSHAKE_TIMEOUT: return Code::WrongPassword;
    default: return Code::Join;
  }
}

}  // namespace

void WifiRadio::begin() {
  WiFi.persistent(false);
  WiFi.onEvent([this](arduino_event_id_t, arduino_event_info_t) { associated_ = true; }, ARDUINO_EVENT_WIFI_STA_CONNECTED);
  WiFi.onEvent(
      [this](arduino_event_id_t, arduino_event_info_t info) {
        associated_ = false;
        reason_ = info.wifi_sta_disconnected.reason;
      },
      ARDUINO_EVENT_WIFI_STA_DISCONNECTED);
  WiFi.mode(WIFI_STA);
  WiFi.setAutoReconnect(false);
}

void WifiRadio::mac(uint8_t into[6]) { WiFi.macAddress(into); }

void WifiRadio::beginScan() { WiFi.scanNetworks(true, true); }

Progress WifiRadio::scan() {
  const int16_t n = WiFi.scanComplete();
  if (n == WIFI_SCAN_RUNNING) return Progress::Working;
  return n < 0 ? Progress::Failed : Progress::Done;
}

uint16_t WifiRadio::found() {
  const int16_t n = WiFi.scanComplete();
  return n > 0 ? static_cast<uint16_t>(n) : 0;
}

bool WifiRadio::foundAt(uint16_t i, Network& into) {
  if (i >= found() || i > UINT8_MAX) return false;
  String ssid;
  uint8_t mode = 0;
  int32_t rssi = 0, channel = 0;
  uint8_t* bssid = nullptr;
  if (!WiFi.getNetworkInfo(static_cast<uint8_t>(i), ssid, mode, rssi, bssid, channel)) return false;
  if (!into.ssid.set(Text(ssid.c_str(), ssid.length()))) return false;
  memcpy(into.bssid, bssid, sizeof into.bssid);
  into.rssi = static_cast<int8_t>(rssi);
  into.channel = static_cast<uint8_t>(channel);
  into.security = securityName(mode);
  into.hidden = into.ssid.empty();
  return true;
}

bool WifiRadio::openSetup(Text ssid, Text passphrase) {
  Field<kMaxSsid> name;
  Field<kMaxPassword> password;
  if (!name.set(ssid) || !password.set(passphrase)) return false;
  const IPAddress own(192, 168, 4, 1);
  // Both at once, since only a station can scan.
  return WiFi.mode(WIFI_AP_STA) && WiFi.softAPConfig(own, own, IPAddress(255, 255, 255, 0)) &&
         WiFi.softAP(name.c_str(), password.empty() ? nullptr : password.c_str());
}

void WifiRadio::closeSetup() {
  WiFi.scanDelete();
  WiFi.softAPdisconnect(true);
}

void WifiRadio::beginJoin(const Configuration& configuration) {
  Configuration c = configuration;
  WiFi.scanDelete();
  WiFi.mode(WIFI_STA);
  associated_ = false;
  reason_ = 0;
  joining_ = true;
  const StaticAddress none;
  const StaticAddress& fixed = c.hasStatic ? c.fixed : none;
  WiFi.config(toIp(fixed.ip), toIp(fixed.gateway), toIp(fixed.mask), toIp(fixed.dns), toIp(fixed.dns2));
  // A password is given to no open network, and to WEP only where it can be nothing
  // else.
  WiFi.setMinSecurity(c.password.empty() ? WIFI_AUTH_OPEN : c.password.size() < kMinPassword ? WIFI_AUTH_WEP : WIFI_AUTH_WPA_PSK);
  // Of several access points of one name the strongest, not the first.
  WiFi.setScanMethod(WIFI_ALL_CHANNEL_SCAN);
  WiFi.begin(c.ssid.c_str(), c.password.empty() ? nullptr : c.password.c_str());
}

Progress WifiRadio::join(bool& associated, Code& why) {
  associated = associated_;
  if (WiFi.status() == WL_CONNECTED) return Progress::Done;
  const uint8_t reason = reason_;
  if (reason == 0) return Progress::Working;
  why = codeOf(reason);
  return Progress::Failed;
}

bool WifiRadio::joined() { return joining_ && WiFi.status() == WL_CONNECTED; }

Address WifiRadio::address() {
  const IPAddress ip = WiFi.localIP();
  Address a;
  for (int i = 0; i < 4; i++) a.bytes[i] = ip[i];
  return a;
}

int8_t WifiRadio::rssi() { return WiFi.RSSI(); }

void WifiRadio::leave() {
  joining_ = false;
  WiFi.disconnect(false, false, 0);
}

}  // namespace esp32
}  // namespace tendril

#endif
