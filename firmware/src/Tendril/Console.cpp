#include "Console.h"

#include "Text/Digits.h"
#include "Text/Json.h"
#include "Text/Lines.h"

namespace tendril {
namespace {

// The longest line that is answered.
constexpr size_t kLine = 320;

TENDRIL_ROM_TEXT(kBoard, "board");
TENDRIL_ROM_TEXT(kTemplateId, "tmpl_id");
TENDRIL_ROM_TEXT(kType, "fw_type");
TENDRIL_ROM_TEXT(kVersion, "fw_ver");
TENDRIL_ROM_TEXT(kBuild, "build");
TENDRIL_ROM_TEXT(kSsid, "ssid");
TENDRIL_ROM_TEXT(kMac, "mac");
TENDRIL_ROM_TEXT(kAddress, "ip");
TENDRIL_ROM_TEXT(kRssi, "rssi");
TENDRIL_ROM_TEXT(kSetup, "setup_ssid");
TENDRIL_ROM_TEXT(kUptime, "uptime_s");
TENDRIL_ROM_TEXT(kReason, "reset_reason");
TENDRIL_ROM_TEXT(kState, "state");
TENDRIL_ROM_TEXT(kLastError, "last_error");
TENDRIL_ROM_TEXT(kConfigured, "configured");
TENDRIL_ROM_TEXT(kStatus, "status");
TENDRIL_ROM_TEXT(kMessage, "msg");

// In the order of Console::kCommands.
TENDRIL_ROM_TEXT(kNames, "help\ndevinfo\nnetinfo\nsysinfo\nstatus\nconfig\nreboot");
TENDRIL_ROM_TEXT(kHelp,
                 "help: what there is\ndevinfo: the product and its firmware\nnetinfo: the home network, the addresses\n"
                 "sysinfo: since when it runs, and why it started\nstatus: where it is, and why the last try failed\n"
                 "config: opens the setup network; config erase: forgets everything\nreboot: restarts");

TENDRIL_ROM_TEXT(kOk, "OK");
TENDRIL_ROM_TEXT(kError, "error");
TENDRIL_ROM_TEXT(kTooLong, "no command is so long; type help");
TENDRIL_ROM_TEXT(kNoSuch, "no such command; type help");
TENDRIL_ROM_TEXT(kResetting, "resetting device");
TENDRIL_ROM_TEXT(kConfiguring, "entering configuration mode");
TENDRIL_ROM_TEXT(kErasing, "erasing configuration");
TENDRIL_ROM_TEXT(kHow, "config, config start or config erase");

}  // namespace

void (Console::*const Console::kCommands[])(Text) = {
    &Console::help, &Console::devinfo, &Console::netinfo, &Console::sysinfo, &Console::status, &Console::config, &Console::reboot,
};

void Console::tick() {
  for (int c = board_.input(); c >= 0; c = board_.input()) {
    if (c != '\n' && c != '\r') {
      if (!line_.push(static_cast<char>(c))) tooLong_ = true;
      continue;
    }
    if (tooLong_) {
      say(kError, kTooLong);
    } else {
      run(line_.text());
    }
    line_.clear();
    tooLong_ = false;
  }
}

void Console::run(Text line) {
  while (!line.empty() && line[line.size - 1] == ' ') line = line.first(line.size - 1);
  while (line.startsWith(" ")) line = line.from(1);
  if (line.empty()) return;
  size_t end = 0;
  while (end < line.size && line[end] != ' ') end++;
  Text argument = line.from(end);
  while (argument.startsWith(" ")) argument = argument.from(1);
  const uint8_t command = lineOf(kNames, line.first(end));
  if (command == kNoLine) return say(kError, kNoSuch);
  void (Console::*const function)(Text) = kCommands[command];
  (this->*function)(argument);
}

void Console::say(const RomText& status, const RomText& message) {
  char line[kLine];
  Writer w(line, sizeof line);
  JsonObject object(w);
  object.text(kStatus, status);
  object.text(kMessage, message);
  object.end();
  board_.log(w.text());
}

void Console::help(Text) {
  constexpr uint8_t kCount = sizeof kCommands / sizeof kCommands[0];
  for (uint8_t i = 0; i < kCount; i++) {
    char line[80];
    Writer w(line, sizeof line);
    putLine(w, kHelp, i);
    board_.log(w.text());
  }
}

void Console::reboot(Text) {
  say(kOk, kResetting);
  device_.restart();
}

void Console::config(Text how) {
  if (how.empty() || how == "start") {
    say(kOk, kConfiguring);
    device_.openSetup();
  } else if (how == "erase") {
    say(kOk, kErasing);
    device_.eraseAll();
  } else {
    say(kError, kHow);
  }
}

void Console::devinfo(Text) {
  const Product& p = device_.product();
  char line[kLine];
  Writer w(line, sizeof line);
  JsonObject object(w);
  object.text(kBoard, p.board);
  object.text(kTemplateId, p.templateId);
  object.text(kType, p.templateId);
  object.text(kVersion, p.firmwareVersion);
  object.text(kBuild, p.build.empty() ? p.firmwareVersion : p.build);
  object.end();
  board_.log(w.text());
}

void Console::netinfo(Text) {
  uint8_t mac[6];
  device_.mac(mac);
  char line[kLine], macText[17];
  Writer w(line, sizeof line), m(macText, sizeof macText);
  putMac(m, mac);
  JsonObject object(w);
  object.text(kSsid, device_.homeNetwork());
  object.text(kMac, m.text());
  object.text(kAddress, device_.addressText().text());
  object.number(kRssi, device_.rssi());
  object.text(kSetup, device_.isOpen() ? device_.setupNetwork() : Text());
  object.end();
  board_.log(w.text());
}

void Console::sysinfo(Text) {
  char line[kLine];
  Writer w(line, sizeof line);
  JsonObject object(w);
  object.number(kUptime, static_cast<int32_t>(device_.uptimeSeconds()));
  object.text(kReason, Text(device_.resetReason()));
  object.end();
  board_.log(w.text());
}

void Console::status(Text) {
  char line[kLine];
  Writer w(line, sizeof line);
  JsonObject object(w);
  object.name(kState);
  w.put('"');
  putName(w, device_.state());
  w.put('"');
  object.number(kLastError, static_cast<int32_t>(device_.lastError()));
  object.boolean(kConfigured, device_.isConfigured());
  object.end();
  board_.log(w.text());
}

}  // namespace tendril
