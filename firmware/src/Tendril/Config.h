// The sizes of all that the core holds, and its times: nothing in it grows after
// start-up, so these are what it costs. Times are in milliseconds unless named.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace tendril {

// IEEE 802.11, 9.4.2.2, and 12.7: names are 1 to 32 bytes, passphrases 8 to 63.
constexpr size_t kMaxSsid = 32;
constexpr size_t kMaxSetupSsid = 31;
constexpr size_t kMinPassword = 8;
constexpr size_t kMaxPassword = 63;
constexpr size_t kTokenSize = 32;
// The longest host that Edgent's record holds.
constexpr size_t kMaxHost = 33;
// The longest host that a redirect may name.
constexpr size_t kMaxRedirectHost = 63;
// The networks that a scan answers at most.
constexpr size_t kMaxScan = 15;
// The bytes of a request, its head and body together, that the portal reads at most.
constexpr size_t kMaxRequest = 4096;
// A frame from the cloud, header included; the login's info tells the cloud.
constexpr size_t kMaxFrame = 1024;
// Frames of the link's own that wait for the network: answers, questions, the info.
constexpr size_t kMaxOwn = 512;
// Values, events and properties that wait for the network or the next login.
constexpr size_t kOutbox = 768;
// What the portal and the link share, in turn (Workspace.h).
constexpr size_t kWorkspace = 2592;
// The longest path of an update's URL.
constexpr size_t kMaxPath = 192;
// One erasable sector of flash, as on the ESP8266 and ESP32; a slot is one.
constexpr size_t kSectorSize = 4096;
constexpr uint8_t kSlots = 2;

// What the device does when; a test or a board with other needs passes its own.
struct Timing {
  uint32_t boot = 200;             // from power or restart to the first step
  uint32_t beforeRestart = 1000;   // from the answer to closing the setup network
  uint32_t join = 50000;           // at most for the home network and an address
  uint32_t cloud = 50000;          // at most from the cloud's name to TLS
  uint32_t login = 6000;           // for the login's answer
  uint8_t attempts = 3;            // tries of a trial whose login hasn't been sent
  uint32_t betweenAttempts = 500;  // between those
  uint32_t setupIdle = 300000;     // without a request: back to the proven configuration
  uint32_t trialIdle = 60000;      // without a request: a fresh device's unanswered trial
  uint32_t retryFirst = 2000;      // before the first try again, doubling, half of it random
  uint32_t retryMax = 60000;       // at most between tries
  uint32_t settled = 10000;        // online: pauses begin at retryFirst again
  uint32_t scanFresh = 15000;      // what was found before the setup network opened still answers a scan
  uint32_t reopen = 1000;          // before opening the setup network is tried again
  uint16_t heartbeatSeconds = 40;  // quiet for so long: a ping
  uint32_t silence = 18000;        // how much longer than a heartbeat the cloud may be silent
  uint32_t held = 3000;            // the button: opens the setup network
  uint32_t heldToErase = 10000;    // the button: erases everything
};

}  // namespace tendril
