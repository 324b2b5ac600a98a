#include "Guard.h"

namespace tendril {

namespace {

char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr size_t kNowhere = SIZE_MAX;

size_t find(Text text, char c) {
  for (size_t i = 0; i < text.size; i++) {
    if (text[i] == c) return i;
  }
  return kNowhere;
}

// A port number without anything but its digits; 0 if it is none.
uint32_t portOf(Text text) {
  uint32_t port = 0;
  if (text.empty() || text.size > 5 || text[0] == '0') return 0;
  for (size_t i = 0; i < text.size; i++) {
    if (text[i] < '0' || text[i] > '9') return 0;
    port = port * 10 + static_cast<uint32_t>(text[i] - '0');
  }
  return port;
}

bool ownPort(const Site& site, Text text) {
  const uint32_t port = portOf(text);
  return port == 80 || (port != 0 && port == site.port);
}

}  // namespace

bool sameWord(Text text, Text word) {
  if (text.size != word.size) return false;
  for (size_t i = 0; i < text.size; i++) {
    if (small(text[i]) != word[i]) return false;
  }
  return true;
}

bool parseAddress(Text text, Address& address) {
  size_t part = 0, digits = 0;
  uint32_t value = 0;
  for (size_t i = 0; i <= text.size; i++) {
    if (i == text.size || text[i] == '.') {
      if (digits == 0 || part == 4) return false;
      address.bytes[part++] = static_cast<uint8_t>(value);
      digits = 0;
      value = 0;
      continue;
    }
    if (text[i] < '0' || text[i] > '9' || (digits > 0 && value == 0)) return false;
    value = value * 10 + static_cast<uint32_t>(text[i] - '0');
    digits++;
    if (value > 255) return false;
  }
  return part == 4;
}

bool ownHost(const Site& site, Text host) {
  Text name = host;
  if (const size_t colon = find(host, ':'); colon != kNowhere) {
    if (!ownPort(site, host.from(colon + 1))) return false;
    name = host.first(colon);
  }
  if (sameWord(name, "192.168.4.1") || sameWord(name, "blynk.setup")) return true;
  const bool loopback = site.address.bytes[0] == 127;
  if (loopback && sameWord(name, "localhost")) return true;
  Address address;
  return parseAddress(name, address) && (address == site.address || (loopback && address.bytes[0] == 127));
}

bool ownOrigin(const Site& site, Text address) {
  const size_t colon = find(address, ':');
  if (colon == kNowhere || !address.from(colon).startsWith("://")) return false;
  const Text scheme = address.first(colon);
  Text host = address.from(colon + 3);
  for (size_t i = 0; i < host.size; i++) {
    const char c = host[i];
    if (c == '@') return false;  // browsers leave a user's name out
    if (c == '/' || c == '?' || c == '#') {
      host = host.first(i);
      break;
    }
  }
  if (host.empty()) return false;
  if (sameWord(scheme, "http") && ownHost(site, host)) return true;
  for (uint8_t i = 0; i < site.wizardCount; i++) {
    const Text wizard(site.wizards[i]);
    if (wizard.size == colon + 3 + host.size && sameWord(scheme, wizard.first(colon)) && wizard.from(colon).startsWith("://") &&
        wizard.from(colon + 3) == host) {
      return true;
    }
  }
  return false;
}

uint8_t wizardOf(const Site& site, Text origin) {
  for (uint8_t i = 0; i < site.wizardCount; i++) {
    if (origin == Text(site.wizards[i])) return i;
  }
  return kNoWizard;
}

}  // namespace tendril
