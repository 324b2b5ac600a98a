#include "Story.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

namespace host {
namespace {

// The time in UTC, by strftime's format, and its fraction of a second to so many digits.
std::string timeText(const char* format, int digits) {
  const auto now = std::chrono::system_clock::now();
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count() % 1'000'000'000;
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32], fraction[16];
  std::strftime(text, sizeof text, format, &parts);
  std::snprintf(fraction, sizeof fraction, ".%09lld", static_cast<long long>(nanoseconds));
  return std::string(text) + std::string(fraction, static_cast<size_t>(digits) + 1);
}

// How many bytes a character of UTF-8 has that begins at i; 0 if none does, or it
// shows nothing.
size_t shown(const std::string& text, size_t i) {
  const auto first = static_cast<uint8_t>(text[i]);
  if (first < 0x80) return first >= 0x20 && first != 0x7F ? 1 : 0;
  const size_t size = first >= 0xF0 && first <= 0xF4 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (size == 0 || first > 0xF4 || i + size > text.size()) return 0;
  uint32_t rune = first & (0xFFU >> (size + 1));
  for (size_t j = 1; j < size; j++) {
    const auto next = static_cast<uint8_t>(text[i + j]);
    if ((next & 0xC0) != 0x80) return 0;
    rune = rune << 6 | (next & 0x3FU);
  }
  static const uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool sound = rune >= kLeast[size] && rune <= 0x10FFFF && (rune < 0xD800 || rune > 0xDFFF);
  // Controls, marks of direction and lines, and what stands for nothing.
  const bool shows = rune >= 0xA0 && rune != 0xAD && !(rune >= 0x200B && rune <= 0x200F) && !(rune >= 0x2028 && rune <= 0x202E) &&
                     !(rune >= 0x2060 && rune <= 0x206F) && !(rune >= 0xE000 && rune <= 0xF8FF) && rune != 0xFEFF && rune < 0xF0000;
  return sound && shows ? size : 0;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "\"";
}

}  // namespace

std::string printable(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t size = shown(text, i);
    if (size > 0) {
      out += text.substr(i, size);
      i += size;
      continue;
    }
    char digits[8];
    std::snprintf(digits, sizeof digits, "\\x%02X", static_cast<unsigned>(static_cast<uint8_t>(text[i++])));
    out += digits;
  }
  return out;
}

void Story::event(const std::string& name, const std::string& ssid, const std::string& portal, tendril::Code code) {
  const std::string shownSsid = printable(ssid);
  if (json_) {
    nlohmann::ordered_json line = {{"at", timeText("%FT%T", 9) + "Z"}, {"unit", 0}, {"event", name}};
    if (!shownSsid.empty()) line["ssid"] = shownSsid;
    if (!portal.empty()) line["portal"] = portal;
    if (code != tendril::Code::None) line["code"] = static_cast<int>(code);
    std::cout << line.dump() << std::endl;
    return;
  }
  std::string words = name;
  std::replace(words.begin(), words.end(), '_', ' ');
  if (!shownSsid.empty()) words += " " + quoted(shownSsid);
  if (code != tendril::Code::None) words += std::string(": ") + nameOf(code) + " (" + std::to_string(static_cast<int>(code)) + ")";
  if (name == "setup_network_up") words += ", its portal at " + portal;
  std::cout << timeText("%T", 3) << "  " << words << std::endl;
}

void Story::written(uint8_t pin, const std::string& value) {
  const std::string name = "V" + std::to_string(pin);
  if (json_) {
    const nlohmann::ordered_json line = {{"at", timeText("%FT%T", 9) + "Z"}, {"unit", 0}, {"event", "written"}, {"pin", name}, {"value", printable(value)}};
    std::cout << line.dump() << std::endl;
    return;
  }
  std::cout << timeText("%T", 3) << "  the cloud wrote " << name << " = " << printable(value) << std::endl;
}

}  // namespace host
