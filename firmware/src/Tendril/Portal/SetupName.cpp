#include "SetupName.h"

#include "../Rom.h"

namespace tendril {

namespace {

// Base 32 without the letters and digits that people confuse.
TENDRIL_ROM_TEXT(kAlphabet, "23456789ABCDEFGHJKLMNPQRSTUVWXYZ");

bool isSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

Field<kUnitSuffix> unitSuffix(const uint8_t mac[6]) {
  uint32_t crc = 0xFFFF;
  for (size_t i = 0; i < 6; i++) {
    crc ^= static_cast<uint32_t>(mac[i]) << 8;
    for (int bit = 0; bit < 8; bit++) {
      crc <<= 1;
      if ((crc & 0x10000) != 0) crc ^= 0x11021;
    }
  }
  const uint32_t bits = crc << 4 | (mac[5] & 0x0Fu);
  Field<kUnitSuffix> suffix;
  for (uint32_t shift = 20; shift > 0;) {
    shift -= 5;
    suffix.push(kAlphabet[bits >> shift & 31]);
  }
  return suffix;
}

Field<kMaxSetupSsid> setupSsid(Text vendor, Text name, Text suffix) {
  // Vendor, space and name, as if they were one text.
  const size_t whole = vendor.size + 1 + name.size;
  const auto at = [&](size_t i) { return i < vendor.size ? vendor[i] : i == vendor.size ? ' ' : name[i - vendor.size - 1]; };
  size_t begin = 0, end = whole;
  while (begin < end && isSpace(at(begin))) begin++;
  while (end > begin && isSpace(at(end - 1))) end--;
  const size_t tail = suffix.empty() ? 0 : 1 + suffix.size;
  const size_t room = tail < kMaxSetupSsid ? kMaxSetupSsid - tail : 0;
  if (end - begin > room) {
    end = begin + room;
    while (end > begin && (static_cast<uint8_t>(at(end)) & 0xC0) == 0x80) end--;
    while (end > begin && at(end - 1) == ' ') end--;
  }
  Field<kMaxSetupSsid> ssid;
  for (size_t i = begin; i < end; i++) ssid.push(at(i));
  if (tail > 0) ssid.push('-');
  for (size_t i = 0; i < suffix.size; i++) ssid.push(suffix[i]);
  return ssid;
}

}  // namespace tendril
