// The command line: that of `tendril device run`.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace host {

// A mistake of whoever typed the command.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Options {
  std::string portal = "127.0.0.1:8081";
  std::string portalDns;  // empty: nowhere
  std::string state = "tendril-device";
  std::string product;
  std::string name;
  std::string vendor = "Tendril";
  bool unitSuffix = false;
  std::string air;
  std::string cloudHost;
  uint16_t cloudPort = 80;
  uint16_t cloudTlsPort = 443;
  std::string ca;
  std::string control;  // empty: none
  std::vector<std::string> wizardOrigins;
  std::string token;          // of this unit, as the factory would flash it
  uint16_t hurry = 1;         // by which all waits are divided
  bool json = false;
  bool verbose = false;
  bool help = false;

  // Throws UsageError.
  static Options parse(int argc, const char* const* argv);
};

extern const char* const kHelp;

}  // namespace host
