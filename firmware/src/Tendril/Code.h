// Why a device could not get online. It keeps the last one and shows it as
// `last_error`; the numbers are those of Edgent of 2026.
#pragma once

#include <stdint.h>

namespace tendril {

enum class Code : uint16_t {
  None = 0,
  Configuration = 700,  // the configuration is unusable
  Join = 701,           // the network could not be joined, for no clearer reason
  Cloud = 702,          // the cloud could not be reached or did not answer
  Token = 703,          // the cloud refused the token
  NetworkOther = 704,
  CloudOther = 705,
  Dns = 710,            // the cloud's name could not be resolved
  Tls = 711,            // the cloud's certificate was refused
  CaptivePortal = 712,  // the network wants a sign-in page or has no internet
  NetworkNotFound = 720,
  WrongPassword = 722,
  NoAddress = 723,  // DHCP gave no address
};

// Whether the home network has done its part, so that it need not be joined anew.
constexpr bool isCloudFault(Code code) {
  return code == Code::Cloud || code == Code::CloudOther || code == Code::Token || code == Code::Tls ||
         code == Code::Dns || code == Code::CaptivePortal;
}

}  // namespace tendril
