#pragma once

#include <Arduino.h>
#include <IPAddress.h>
#include <WiFiClient.h>
#include <WiFiServer.h>
#include <WiFiUdp.h>

#ifndef __xtensa__
#include <functional>
#include <memory>
#endif

// The SDK's names of a network's security.
enum wl_enc_type { ENC_TYPE_WEP = 5, ENC_TYPE_TKIP = 2, ENC_TYPE_CCMP = 4, ENC_TYPE_NONE = 7, ENC_TYPE_AUTO = 8 };

typedef enum {
  WL_IDLE_STATUS = 0,
  WL_NO_SSID_AVAIL = 1,
  WL_SCAN_COMPLETED = 2,
  WL_CONNECTED = 3,
  WL_CONNECT_FAILED = 4,
  WL_CONNECTION_LOST = 5,
  WL_WRONG_PASSWORD = 6,
  WL_DISCONNECTED = 7
} wl_status_t;

#define WIFI_SCAN_RUNNING (-1)
#define WIFI_SCAN_FAILED (-2)

typedef enum WiFiMode { WIFI_OFF = 0, WIFI_STA = 1, WIFI_AP = 2, WIFI_AP_STA = 3 } WiFiMode_t;

enum WiFiDisconnectReason {
  WIFI_DISCONNECT_REASON_4WAY_HANDSHAKE_TIMEOUT = 15,
  WIFI_DISCONNECT_REASON_NO_AP_FOUND = 201,
  WIFI_DISCONNECT_REASON_AUTH_FAIL = 202,
  WIFI_DISCONNECT_REASON_HANDSHAKE_TIMEOUT = 204,
};

struct WiFiEventStationModeConnected {
  String ssid;
  uint8_t bssid[6];
  uint8_t channel;
};

struct WiFiEventStationModeDisconnected {
  String ssid;
  uint8_t bssid[6];
  WiFiDisconnectReason reason;
};

#ifdef __xtensa__
// Debian's compiler for the chip has no C++ library; the shapes suffice.
namespace std {
template <typename Signature>
class function {
 public:
  template <typename F>
  function(F) {}
};
template <typename T>
class shared_ptr {
 public:
  shared_ptr();
  ~shared_ptr();
};
}  // namespace std
#endif

struct WiFiEventHandlerOpaque;
typedef std::shared_ptr<WiFiEventHandlerOpaque> WiFiEventHandler;

class ESP8266WiFiClass {
 public:
  WiFiEventHandler onStationModeConnected(std::function<void(const WiFiEventStationModeConnected&)>);
  WiFiEventHandler onStationModeDisconnected(std::function<void(const WiFiEventStationModeDisconnected&)>);

  void persistent(bool persistent);
  bool mode(WiFiMode_t);

  wl_status_t begin(const char* ssid, const char* passphrase = NULL, int32_t channel = 0, const uint8_t* bssid = NULL, bool connect = true);
  bool config(IPAddress local_ip, IPAddress gateway, IPAddress subnet, IPAddress dns1 = (uint32_t)0x00000000, IPAddress dns2 = (uint32_t)0x00000000);
  bool disconnect(bool wifioff = false);
  bool setAutoReconnect(bool autoReconnect);
  IPAddress localIP();
  uint8_t* macAddress(uint8_t* mac);
  wl_status_t status();
  int8_t RSSI();
  static void enableInsecureWEP(bool enable = true);

  int8_t scanNetworks(bool async = false, bool show_hidden = false, uint8_t channel = 0, uint8_t* ssid = NULL);
  int8_t scanComplete();
  void scanDelete();
  bool getNetworkInfo(uint8_t networkItem, String& ssid, uint8_t& encryptionType, int32_t& RSSI, uint8_t*& BSSID, int32_t& channel, bool& isHidden);

  bool softAP(const char* ssid, const char* psk = NULL, int channel = 1, int ssid_hidden = 0, int max_connection = 4, int beacon_interval = 100);
  bool softAPConfig(IPAddress local_ip, IPAddress gateway, IPAddress subnet);
  bool softAPdisconnect(bool wifioff = false);
  IPAddress softAPIP();
};

extern ESP8266WiFiClass WiFi;
