#ifdef ESP8266

#include "Radio.h"

namespace tendril {
namespace esp8266 {

namespace {

IPAddress toIp(const Address& a) { return IPAddress(a.bytes[0], a.bytes[1], a.bytes[2], a.bytes[3]); }

const char* securityName(uint8_t encryption) {
  switch (encryption) {
    case ENC_TYPE_NONE: return "OPEN";
    case ENC_TYPE_WEP: return "WEP";
    case ENC_TYPE_TKIP: return "WPA";
    case ENC_TYPE_CCMP: return "WPA2";
    default: return "WPA+WPA2";
  }
}

Code codeOf(uint8_t reason) {
  switch (reason) {
    case WIFI_DISCONNECT_REASON_NO_AP_FOUND: return Code::NetworkNotFound;
    // What a wrong password looks like: the handshake that proves it comes to no end.
    case WIFI_DISCONNECT_REASON_4WAY_HANDSHAKE_TIMEOUT:
    case WIFI_DISCONNECT_REASON_AUTH_FAIL:
    case WIFI_DISCONNECT_REASON_HANDSHAKE_TIMEOUT: return Code::WrongPassword;
    default: return Code::Join;
  }
}

}  // namespace

void WifiRadio::begin() {
  WiFi.persistent(false);
  WiFi.setAutoReconnect(false);
  onConnected_ = WiFi.onStationModeConnected([this](const WiFiEventStationModeConnected&) { associated_ = true; });
  onDisconnected_ = WiFi.onStationModeDisconnected([this](const WiFiEventStationModeDisconnected& event) {
    associated_ = false;
    reason_ = static_cast<uint8_t>(event.reason);
  });
  WiFi.mode(WIFI_STA);
  WiFi.disconnect();
}

void WifiRadio::mac(uint8_t into[6]) { WiFi.macAddress(into); }

void WifiRadio::beginScan() { WiFi.scanNetworks(true, true); }

Progress WifiRadio::scan() {
  const int8_t n = WiFi.scanComplete();
  if (n == WIFI_SCAN_RUNNING) return Progress::Working;
  return n < 0 ? Progress::Failed : Progress::Done;
}

uint16_t WifiRadio::found() {
  const int8_t n = WiFi.scanComplete();
  return n > 0 ? static_cast<uint16_t>(n) : 0;
}

bool WifiRadio::foundAt(uint16_t i, Network& into) {
  if (i >= found()) return false;
  String ssid;
  uint8_t encryption = 0;
  int32_t rssi = 0, channel = 0;
  uint8_t* bssid = nullptr;
  bool hidden = false;
  if (!WiFi.getNetworkInfo(static_cast<uint8_t>(i), ssid, encryption, rssi, bssid, channel, hidden)) return false;
  if (!into.ssid.set(Text(ssid.c_str(), ssid.length()))) return false;
  memcpy(into.bssid, bssid, sizeof into.bssid);
  into.rssi = static_cast<int8_t>(rssi);
  into.channel = static_cast<uint8_t>(channel);
  into.security = securityName(encryption);
  into.hidden = hidden;
  return true;
}

bool WifiRadio::openSetup(Text ssid, Text passphrase) {
  Field<kMaxSsid> name;
  Field<kMaxPassword> password;
  if (!name.set(ssid) || !password.set(passphrase)) return false;
  const IPAddress own(192, 168, 4, 1);
  // Both at once, since only a station can scan.
  WiFi.mode(WIFI_AP_STA);
#if CORE_MOCK
  return true;  // there is none, and the host's network serves
#else
  return WiFi.softAPConfig(own, own, IPAddress(255, 255, 255, 0)) &&
         WiFi.softAP(name.c_str(), password.empty() ? nullptr : password.c_str());
#endif
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
  // The least security that the SDK joins follows from this: a password is given to
  // no open network, and to WEP only where it can be nothing else.
  WiFi.enableInsecureWEP(!c.password.empty() && c.password.size() < kMinPassword);
  WiFi.begin(c.ssid.c_str(), c.password.empty() ? nullptr : c.password.c_str());
}

Progress WifiRadio::join(bool& associated, Code& why) {
  associated = associated_;
  const wl_status_t status = WiFi.status();
  if (status == WL_CONNECTED) return Progress::Done;
  if (status == WL_NO_SSID_AVAIL) {
    why = Code::NetworkNotFound;
  } else if (status == WL_WRONG_PASSWORD) {
    why = Code::WrongPassword;
  } else if (reason_ != 0) {
    why = codeOf(reason_);
  } else if (status == WL_CONNECT_FAILED) {
    why = Code::Join;
  } else {
    return Progress::Working;
  }
  return Progress::Failed;
}

bool WifiRadio::joined() { return joining_ && WiFi.status() == WL_CONNECTED; }

Address WifiRadio::address() {
  const IPAddress ip = WiFi.localIP();
  Address a;
  for (int i = 0; i < 4; i++) a.bytes[i] = ip[i];
  return a;
}

int8_t WifiRadio::rssi() { return static_cast<int8_t>(WiFi.RSSI()); }

void WifiRadio::leave() {
  joining_ = false;
  WiFi.disconnect();
}

}  // namespace esp8266
}  // namespace tendril

#endif
