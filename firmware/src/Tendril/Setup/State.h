// Where a device is, and what happens to it: the names are the virtual device's, for
// logs and tests (docs/device.md).
#pragma once

#include "../Code.h"
#include "../Text.h"

namespace tendril {

class Writer;

enum class State : uint8_t {
  Starting,
  Setup,       // the setup network is open, or about to be
  Stored,      // a configuration is on flash, the restart is near
  Joining,     // the home network, up to an address
  Checking,    // the cloud's name
  Connecting,  // TCP, and TLS where it is used
  LoggingIn,
  Online,
  Waiting,     // between tries
  Updating,    // the next program is being fetched
  Restarting,  // nothing happens any more
  Refusing,    // the flash holds a newer firmware's configuration, which is left alone
};
constexpr uint8_t kStates = 12;
void putName(Writer& w, State state);

enum class Event : uint8_t {
  Button,       // held long enough to mean something
  Erased,
  SetupUp,      // with the setup network's SSID
  SetupGone,    // with the setup network's SSID
  Scanned,
  Configured,   // a configuration was received; with the home network's SSID
  Stored,       // with the home network's SSID
  Restarting,
  Joining,      // with the home network's SSID
  Joined,       // with the home network's SSID
  HasAddress,   // with the home network's SSID
  Resolved,     // the cloud's name was
  Connected,    // to the cloud, by TLS where it is used
  LoggingIn,
  LoggedIn,
  Proven,       // the trial is the configuration from now on; with its SSID
  Discarded,    // the trial was given up; with its SSID and why
  Failed,       // a try ended; with its SSID and why
  Disconnected, // from the cloud
  NetworkLost,  // the home network; with its SSID
  Notice,       // the cloud asked for something that this device can't do
  Updating,     // the cloud has a newer program, which is being fetched
  Updated,      // it is in place, and runs from the next start on
  NotUpdated,   // this one stays
};
constexpr uint8_t kEvents = 24;
void putName(Writer& w, Event event);

// The stable name of a code, as in "wrong-password".
void putName(Writer& w, Code code);

// Who looks at a device and speaks for its sensors. It is called from tick and must
// not hold it up.
class Observer {
 public:
  virtual void onEvent(Event, Text /*ssid*/, Code) {}
  // The cloud writes a virtual pin: several values are joined by NUL, and one is behind
  // the last.
  virtual void onWrite(uint8_t /*pin*/, Text /*value*/) {}
  // The cloud asks for a virtual pin's value. False: there is none.
  virtual bool onRead(uint8_t /*pin*/, Writer& /*into*/) { return false; }
  // The time in the device's zone, seconds since 1970.
  virtual void onTime(uint32_t /*seconds*/) {}

 protected:
  ~Observer() = default;
};

}  // namespace tendril
