#include "Console.h"

#include "Text/Digits.h"
#include "Text/Lines.h"

namespace tendril {
namespace {

// The longest line that is answered.
constexpr size_t kLine = 320;

enum class Word : uint8_t { Help, DevInfo, NetInfo, SysInfo, Status, Config, Reboot, None = kNoLine };
constexpr uint8_t kCommands = 7;
// In the order of Word: their names, and what they do.
TENDRIL_ROM_TEXT(kNames, "help\ndevinfo\nnetinfo\nsysinfo\nstatus\nconfig\nreboot");
TENDRIL_ROM_TEXT(kDoes,
                 "what there is\n"
                 "the product and its firmware\n"
                 "the home network, the addresses\n"
                 "since when it runs, and why it started\n"
                 "where it is, and why the last try failed\n"
                 "opens the setup network; config erase: forgets everything\n"
                 "restarts");

// What is answered but for information: from Unknown on these are errors.
enum class Said : uint8_t { Resetting, Configuring, Erasing, Unknown, TooLong, HowToConfigure };
TENDRIL_ROM_TEXT(kSaid,
                 "resetting device\nentering configuration mode\nerasing configuration\nno such command; type help\n"
                 "no command is so long; type help\nconfig, config start or config erase");

void say(JsonObject& o, Writer& w, Said what) {
  o.text(Member::Status, what < Said::Unknown ? "OK" : "error");
  o.open(Member::Message);
  putLine(w, kSaid, static_cast<uint8_t>(what));
  o.close();
}

}  // namespace

void Console::tick() {
  for (int c = board_.input(); c >= 0; c = board_.input()) {
    if (c != '\n' && c != '\r') {
      tooLong_ = !line_.push(static_cast<char>(c)) || tooLong_;
      continue;
    }
    run(line_.text());
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
  const auto command = static_cast<Word>(lineOf(kNames, line.first(end)));
  if (command == Word::Help && !tooLong_) return help();
  char room[kLine];
  Writer w(room, sizeof room);
  JsonObject o(w);
  const Product& p = device_.product();
  switch (tooLong_ ? Word::None : command) {
    case Word::DevInfo:
      o.text(Member::Board, p.board);
      o.text(Member::TemplateId, p.templateId);
      o.text(Member::Type, p.templateId);
      o.text(Member::Version, p.firmwareVersion);
      o.text(Member::Build, p.build.empty() ? p.firmwareVersion : p.build);
      break;
    case Word::NetInfo: {
      uint8_t mac[6];
      device_.mac(mac);
      const Address address = device_.address();
      o.text(Member::Ssid, device_.homeNetwork());
      o.open(Member::Mac);
      putMac(w, mac);
      o.close();
      o.open(Member::Address);
      if (!address.isNone()) putAddress(w, address);
      o.close();
      o.number(Member::Rssi, device_.rssi());
      o.text(Member::SetupSsid, device_.isOpen() ? device_.setupNetwork() : Text());
      break;
    }
    case Word::SysInfo:
      o.number(Member::Uptime, static_cast<int32_t>(device_.uptimeSeconds()));
      o.text(Member::ResetReason, device_.resetReason());
      break;
    case Word::Status:
      o.open(Member::State);
      putName(w, device_.state());
      o.close();
      o.number(Member::LastError, static_cast<int32_t>(device_.lastError()));
      o.boolean(Member::Configured, device_.isConfigured());
      break;
    case Word::Config:
      if (argument.empty() || argument == "start") {
        say(o, w, Said::Configuring);
        device_.openSetup();
      } else if (argument == "erase") {
        say(o, w, Said::Erasing);
        device_.eraseAll();
      } else {
        say(o, w, Said::HowToConfigure);
      }
      break;
    case Word::Reboot:
      say(o, w, Said::Resetting);
      device_.restart();
      break;
    default:
      say(o, w, tooLong_ ? Said::TooLong : Said::Unknown);
  }
  o.end();
  board_.log(w.text());
}

void Console::help() {
  for (uint8_t i = 0; i < kCommands; i++) {
    char room[kLine];
    Writer w(room, sizeof room);
    putLine(w, kNames, i);
    w.put(": ");
    putLine(w, kDoes, i);
    board_.log(w.text());
  }
}

}  // namespace tendril
