#include "Configuration.h"

namespace tendril {

Configuration::Configuration() = default;

namespace {

bool hasNul(Text text) { return memchr(text.data, 0, text.size) != nullptr; }

// An open network's, WEP's short key, and WPA's range, in which WEP's long key lies.
bool isPasswordSize(size_t n) { return n == 0 || n == 5 || (n >= kMinPassword && n <= kMaxPassword); }

// What was too long comes with its size alone: not all of its bytes are there.
bool isHost(Text host) {
  if (host.size > kMaxHost) return false;
  for (size_t i = 0; i < host.size; i++) {
    if (host[i] <= ' ' || host[i] > '~') return false;
  }
  return true;
}

}  // namespace

bool isToken(Text text) {
  if (text.size != kTokenSize) return false;
  for (size_t i = 0; i < text.size; i++) {
    const char c = text[i];
    const bool base64 = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!base64) return false;
  }
  return true;
}

const char* unusable(Text ssid, Text password, Text token, Text host) {
  if (ssid.empty() || ssid.size > kMaxSsid || hasNul(ssid)) return "ssid";
  if (!isPasswordSize(password.size) || hasNul(password)) return "pass";
  if (!isToken(token)) return "blynk";
  if (!isHost(host)) return "host";
  return nullptr;
}

}  // namespace tendril
