#include "State.h"

#include "../Text/Lines.h"

namespace tendril {
namespace {

TENDRIL_ROM_TEXT(kStateNames,
                 "starting\nsetup\nstored\njoining\nchecking\nconnecting\nlogging_in\nonline\nwaiting\nupdating\nrestarting\nrefusing");

TENDRIL_ROM_TEXT(kEventNames,
                 "button\nerased\nsetup_network_up\nsetup_network_gone\nscanned\nconfiguration_received\nstored\nrestarting\n"
                 "joining\njoined\naddress\nresolved\nconnected\nlogging_in\nlogged_in\nproven\ndiscarded\nfailed\n"
                 "disconnected\nnetwork_lost\nnotice\nupdating\nupdated\nnot_updated");

// In the order of kCodes.
TENDRIL_ROM_TEXT(kCodeNames,
                 "none\nconfiguration\njoin-failed\ncloud-unreachable\ntoken-refused\nnetwork-other\ncloud-other\ndns\ntls\n"
                 "captive-portal\nnetwork-not-found\nwrong-password\nno-address\nunknown");
constexpr uint16_t kCodes[] = {0, 700, 701, 702, 703, 704, 705, 710, 711, 712, 720, 722, 723};

}  // namespace

void putName(Writer& w, State state) { putLine(w, kStateNames, static_cast<uint8_t>(state)); }

void putName(Writer& w, Event event) { putLine(w, kEventNames, static_cast<uint8_t>(event)); }

void putName(Writer& w, Code code) {
  uint8_t n = 0;
  while (n < sizeof kCodes / sizeof kCodes[0] && kCodes[n] != static_cast<uint16_t>(code)) n++;
  putLine(w, kCodeNames, n);
}

}  // namespace tendril
