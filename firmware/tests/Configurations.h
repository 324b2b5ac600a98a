// Configurations for tests.
#pragma once

#include <Tendril/Store/Store.h>

#include <string>

constexpr const char* kToken = "abcdefghijklmnopqrstuvwxyz-_0123";

inline tendril::Text text(const std::string& s) { return {s.data(), s.size()}; }
inline std::string string(tendril::Text t) { return {t.data, t.size}; }

inline tendril::Configuration home(const std::string& ssid) {
  tendril::Configuration c;
  c.ssid.set(text(ssid));
  c.password.set("secret-pass");
  c.token.set(kToken);
  c.host.set("cloud.example");
  c.port = 8080;
  c.tlsPort = 9443;
  return c;
}

inline bool same(const tendril::Configuration& a, const tendril::Configuration& b) {
  return a.ssid == b.ssid && a.hidden == b.hidden && a.password == b.password && a.token == b.token && a.host == b.host && a.port == b.port &&
         a.tlsPort == b.tlsPort && a.hasStatic == b.hasStatic && (!a.hasStatic || memcmp(&a.fixed, &b.fixed, sizeof a.fixed) == 0);
}

// The name of the proven configuration's network, empty without one.
inline std::string provenName(tendril::Store& store) {
  tendril::Slot slot;
  return store.proven(slot) ? string(slot.configuration.ssid.text()) : "";
}

// The names of the trials' networks, newest first, each behind a slash.
inline std::string trialNames(tendril::Store& store) {
  std::string names;
  tendril::Slot slot;
  for (uint8_t i = 0; store.trial(i, slot); i++) names += "/" + string(slot.configuration.ssid.text());
  return names;
}
