#include "Words.h"

#include "../Text/Lines.h"

namespace tendril {

namespace {

TENDRIL_ROM_TEXT(kReasons,
                 "200 OK\n204 No Content\n302 Found\n400 Bad Request\n403 Forbidden\n404 Not Found\n405 Method Not Allowed\n"
                 "413 Request Entity Too Large\n431 Request Header Fields Too Large\n500 Internal Server Error\n501 Not Implemented\n"
                 "503 Service Unavailable\n505 HTTP Version Not Supported");
constexpr uint16_t kStatuses[] = {200, 204, 302, 400, 403, 404, 405, 413, 431, 500, 501, 503, 505};

TENDRIL_ROM_TEXT(kTrying, "Trying to connect...");
TENDRIL_ROM_TEXT(kSaved, "Configuration saved");
TENDRIL_ROM_TEXT(kInvalid, "Configuration invalid");
TENDRIL_ROM_TEXT(kForbidden, "Request from a foreign page");
TENDRIL_ROM_TEXT(kBusy, "Busy");
TENDRIL_ROM_TEXT(kNotStored, "The configuration could not be stored");
TENDRIL_ROM_TEXT(kErased, "Configuration erased");
TENDRIL_ROM_TEXT(kKept, "Proven configuration kept");
TENDRIL_ROM_TEXT(kNotErased, "The configuration could not be erased");
TENDRIL_ROM_TEXT(kRestarting, "Restarting");
TENDRIL_ROM_TEXT(kApp, "Go on in the app");
TENDRIL_ROM_TEXT(kScanFailed, "The scan failed; try again");
TENDRIL_ROM_TEXT(kNotAllowed, "Method not allowed");

TENDRIL_ROM_TEXT(kConnecting, "The device is connecting");
TENDRIL_ROM_TEXT(kConnectingText,
                 "It closes this network now. If the network comes back, join it again: the device says there why it could not connect.");
TENDRIL_ROM_TEXT(kForeign, "Not from another page");
TENDRIL_ROM_TEXT(kForeignText, "The device takes this from its own page only. Open that and type it there.");
TENDRIL_ROM_TEXT(kMoment, "One moment");
TENDRIL_ROM_TEXT(kMomentText, "The device is busy with what it was given before. Wait a few seconds and try again.");
TENDRIL_ROM_TEXT(kUnusable, "That can’t be used");
TENDRIL_ROM_TEXT(kIll, "That didn’t work");
TENDRIL_ROM_TEXT(kIllText, "The device could not keep what you typed. Unplug it, plug it in again and try again.");
TENDRIL_ROM_TEXT(kBackToApp, "Go back to the app");
TENDRIL_ROM_TEXT(kBackToAppText,
                 "This phone stays on this network. Close this window and go on in the app or on the page that you came from.");

TENDRIL_ROM_TEXT(kMendSsid, "Choose the WiFi, or type its name: at most 32 characters, fewer where they aren’t plain letters.");
TENDRIL_ROM_TEXT(kMendPassword, "The WiFi’s password has 8 to 63 characters. Leave it empty only where the WiFi has none.");
TENDRIL_ROM_TEXT(kMendToken, "Type the code as the app shows it: 12 letters and digits.");
TENDRIL_ROM_TEXT(kMendHost, "The device doesn’t know its cloud. Open “More” and type the cloud’s host as your app or maker gives it.");
TENDRIL_ROM_TEXT(kMendPort, "A port is a number up to 65535. Leave the ports empty to use the maker’s.");
TENDRIL_ROM_TEXT(kMendStatic,
                 "A fixed address needs the address, the network mask and the router’s address, each like 192.168.1.50. "
                 "Leave them all empty to let the router choose.");
TENDRIL_ROM_TEXT(kMendOther, "Something of what came can’t be used. Type it again.");

TENDRIL_ROM_TEXT(kNothing, "");
TENDRIL_ROM_TEXT(kApple, "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>");
TENDRIL_ROM_TEXT(kConnectTest, "Microsoft Connect Test");
TENDRIL_ROM_TEXT(kNcsi, "Microsoft NCSI");
TENDRIL_ROM_TEXT(kLinux, "NetworkManager is online\n");
TENDRIL_ROM_TEXT(kSuccess, "success\n");
TENDRIL_ROM_TEXT(kFirefox, "<meta http-equiv=\"refresh\" content=\"0;url=https://support.mozilla.org/kb/captive-portal\"/>");

// What the form's field that was refused must be.
RomText mend(Parameter field) {
  switch (field) {
    case Parameter::Ssid:
    case Parameter::SsidHex:
    case Parameter::Manual:
      return kMendSsid;
    case Parameter::Password:
    case Parameter::PasswordHex:
      return kMendPassword;
    case Parameter::Token:
      return kMendToken;
    case Parameter::Host:
      return kMendHost;
    case Parameter::Port:
    case Parameter::TlsPort:
      return kMendPort;
    case Parameter::Ip:
    case Parameter::Mask:
    case Parameter::Gateway:
    case Parameter::Dns:
    case Parameter::Dns2:
      return kMendStatic;
    default:
      return kMendOther;
  }
}

}  // namespace

uint16_t statusOf(const Answer& answer) {
  switch (answer.say) {
    case Say::Home:
      return 302;
    case Say::Preflight:
      return 204;
    case Say::Sound:
      return answer.sound < kEmptySounds ? 204 : 200;
    case Say::NotFound:
      return 404;
    case Say::Forbidden:
      return 403;
    case Say::Invalid:
    case Say::NotStored:
    case Say::NotErased:
      return 500;  // Edgent's for it, which its apps know
    case Say::Busy:
    case Say::ScanFailed:
      return 503;
    case Say::NotAllowed:
      return 405;
    case Say::TooLarge:
      return 413;
    case Say::Unreadable:
      return answer.unreadable;
    default:
      return 200;
  }
}

void putStatus(Writer& w, uint16_t status) {
  uint8_t line = 0;
  while (kStatuses[line] != status) line++;
  putLine(w, kReasons, line);
}

RomText messageOf(Say say) {
  switch (say) {
    case Say::Saved:
      return kSaved;
    case Say::Invalid:
    case Say::TooLarge:
      return kInvalid;
    case Say::Forbidden:
      return kForbidden;
    case Say::Busy:
      return kBusy;
    case Say::NotStored:
      return kNotStored;
    case Say::App:
      return kApp;
    case Say::Erased:
      return kErased;
    case Say::Kept:
      return kKept;
    case Say::NotErased:
      return kNotErased;
    case Say::Restarting:
      return kRestarting;
    case Say::ScanFailed:
      return kScanFailed;
    case Say::NotAllowed:
      return kNotAllowed;
    default:
      return kTrying;
  }
}

RomText titleOf(Say say) {
  switch (say) {
    case Say::App:
      return kBackToApp;
    case Say::Forbidden:
      return kForeign;
    case Say::Busy:
      return kMoment;
    case Say::Invalid:
      return kUnusable;
    case Say::NotStored:
      return kIll;
    default:
      return kConnecting;
  }
}

RomText textOf(Say say, Parameter field) {
  switch (say) {
    case Say::App:
      return kBackToAppText;
    case Say::Forbidden:
      return kForeignText;
    case Say::Busy:
      return kMomentText;
    case Say::Invalid:
      return mend(field);
    case Say::NotStored:
      return kIllText;
    default:
      return kConnectingText;
  }
}

bool hasWords(Say say) { return say >= Say::Trying && say <= Say::App; }

RomText soundOf(uint8_t sound) {
  switch (sound) {
    case 2:
    case 3:
      return kApple;
    case 4:
      return kConnectTest;
    case 5:
      return kNcsi;
    case 6:
    case 7:
      return kLinux;
    case 8:
      return kSuccess;
    case 9:
      return kFirefox;
    default:
      return kNothing;
  }
}

bool isHtmlSound(uint8_t sound) { return sound == 2 || sound == 3 || sound == 9; }

}  // namespace tendril
