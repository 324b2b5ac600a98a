// The names of all that the device says in JSON, to the portal's clients and on its
// console: many are said by both.
#pragma once

#include <stdint.h>

namespace tendril {

// In the order of their names in JsonOut.cpp.
enum class Member : uint8_t {
  Board, TemplateId, Type, Version, Build, Vendor, Name, Ssid, SsidHex, Bssid, Mac, LastError, WifiScan, StaticIp, Configured, Wizards,
  ShortCode, Rssi, Security, Channel, Hidden, Status, Message, Field, Hint, Address, SetupSsid, Uptime, ResetReason, State,
};

}  // namespace tendril
