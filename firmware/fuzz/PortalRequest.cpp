// Requests to the portal, in pieces. Whatever comes is answered or let go, only who
// asks by a name of the portal's changes anything, and only to what can be.
#include "tests/SetupNetwork.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  tests::SetupNetwork world;
  // The first byte says in which pieces, and whether somebody else is half done.
  if ((data[0] & 0x80) != 0) world.call("POST /config HTTP/1.1\r\nHost: 192.168.4.1\r\nContent-Length: 99\r\n\r\nssid=");
  auto phone = world.call(std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  phone->pace = 1 + (data[0] & 0x3F);
  phone->takes = 100;
  phone->hangsUp = (data[0] & 0x40) != 0;
  for (int ticks = 0; !phone->dropped && ticks < 5000; ticks++) world.pass(10);
  if (!phone->dropped) __builtin_trap();
  if (!phone->out.empty() && phone->out.rfind("HTTP/1.1 ", 0) != 0) __builtin_trap();
  if (world.device.changes() > 0) {
    // By one of its own names only.
    std::string small = phone->in;
    for (char& c : small) c = static_cast<char>(tolower(c));
    if (small.find("192.168.4.1") == std::string::npos && small.find("blynk.setup") == std::string::npos) __builtin_trap();
  }
  for (const tendril::Configuration& c : world.device.accepted) {
    if (tendril::unusable(c) != nullptr) __builtin_trap();
  }
  return 0;
}
