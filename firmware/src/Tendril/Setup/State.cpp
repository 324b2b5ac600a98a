#include "State.h"

namespace tendril {

const char* nameOf(State state) {
  static const char* const kNames[kStates] = {"starting",   "setup",  "stored",  "joining",    "checking", "connecting",
                                              "logging_in", "online", "waiting", "updating", "restarting", "refusing"};
  return kNames[static_cast<uint8_t>(state)];
}

const char* nameOf(Event event) {
  static const char* const kNames[kEvents] = {
      "button",    "erased",   "setup_network_up", "setup_network_gone", "scanned", "configuration_received", "stored",
      "restarting", "joining",  "joined",           "address",            "resolved", "connected",              "logging_in",
      "logged_in", "proven",   "discarded",        "failed",             "disconnected", "network_lost",      "notice",
      "updating",  "updated",  "not_updated"};
  return kNames[static_cast<uint8_t>(event)];
}

const char* nameOf(Code code) {
  switch (code) {
    case Code::None: return "none";
    case Code::Configuration: return "configuration";
    case Code::Join: return "join-failed";
    case Code::Cloud: return "cloud-unreachable";
    case Code::Token: return "token-refused";
    case Code::NetworkOther: return "network-other";
    case Code::CloudOther: return "cloud-other";
    case Code::Dns: return "dns";
    case Code::Tls: return "tls";
    case Code::CaptivePortal: return "captive-portal";
    case Code::NetworkNotFound: return "network-not-found";
    case Code::WrongPassword: return "wrong-password";
    case Code::NoAddress: return "no-address";
  }
  return "unknown";
}

}  // namespace tendril
