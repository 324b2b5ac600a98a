#include "Words.h"

#include "../Text/Lines.h"

namespace tendril {

namespace {

// In the order of HttpStatus.
TENDRIL_ROM_TEXT(kReasons,
                 "200 OK\n204 No Content\n302 Found\n400 Bad Request\n403 Forbidden\n404 Not Found\n405 Method Not Allowed\n"
                 "413 Request Entity Too Large\n431 Request Header Fields Too Large\n500 Internal Server Error\n501 Not Implemented\n"
                 "503 Service Unavailable\n505 HTTP Version Not Supported");

// Of results, in the order of Say from Trying on.
TENDRIL_ROM_TEXT(kMessages,
                 "Trying to connect...\n"
                 "Configuration saved\n"
                 "Configuration invalid\n"
                 "Request from a foreign page\n"
                 "Busy\n"
                 "The configuration could not be stored\n"
                 "Go on in the app\n"
                 "Configuration erased\n"
                 "Proven configuration kept\n"
                 "The configuration could not be erased\n"
                 "Restarting\n"
                 "The scan failed; try again\n"
                 "Method not allowed");

// In the order of Say from Saved on, which says what Trying says.
TENDRIL_ROM_TEXT(kTitles,
                 "The device is connecting\n"
                 "That can’t be used\n"
                 "Not from another page\n"
                 "One moment\n"
                 "That didn’t work\n"
                 "Go back to the app");

// The lines of kTexts: in the order of the titles, then what is to be mended in a field.
enum class Line : uint8_t { Connecting, Other, Foreign, Moment, Ill, BackToApp, Ssid, Password, Token, Host, Port, Static };
TENDRIL_ROM_TEXT(kTexts,
                 "It closes this network now. If the network comes back, join it again: the device says there why it could not connect.\n"
                 "Something of what came can’t be used. Type it again.\n"
                 "The device takes this from its own page only. Open that and type it there.\n"
                 "The device is busy with what it was given before. Wait a few seconds and try again.\n"
                 "The device could not keep what you typed. Unplug it, plug it in again and try again.\n"
                 "This phone stays on this network. Close this window and go on in the app or on the page that you came from.\n"
                 "Choose the WiFi, or type its name: at most 32 characters, fewer where they aren’t plain letters.\n"
                 "The WiFi’s password has 8 to 63 characters. Leave it empty only where the WiFi has none.\n"
                 "Type the code as the app shows it: 12 letters and digits.\n"
                 "The device doesn’t know its cloud. Open “More” and type the cloud’s host as your app or maker gives it.\n"
                 "A port is a number up to 65535. Leave the ports empty to use the maker’s.\n"
                 "A fixed address needs the address, the network mask and the router’s address, each like 192.168.1.50. "
                 "Leave them all empty to let the router choose.");

// In the order of their probes, but for two that find what the one before finds.
TENDRIL_ROM_TEXT(kSounds,
                 "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>\n"
                 "Microsoft Connect Test\n"
                 "Microsoft NCSI\n"
                 "NetworkManager is online\n"
                 "success\n"
                 "<meta http-equiv=\"refresh\" content=\"0;url=https://support.mozilla.org/kb/captive-portal\"/>");

Line title(Say say) { return static_cast<Line>(say <= Say::Saved ? 0 : static_cast<int>(say) - static_cast<int>(Say::Saved)); }

// What the form's field that was refused must be.
Line mend(Parameter field) {
  if (field == Parameter::Interface || field > Parameter::Dns2) return Line::Other;
  if (field <= Parameter::SsidHex) return Line::Ssid;
  if (field <= Parameter::PasswordHex) return Line::Password;
  if (field == Parameter::Token) return Line::Token;
  if (field == Parameter::Host) return Line::Host;
  return field <= Parameter::TlsPort ? Line::Port : Line::Static;
}

}  // namespace

HttpStatus statusOf(const Answer& answer) {
  if (answer.say == Say::Unreadable) return answer.unreadable;
  switch (answer.say) {
    case Say::Home:
      return HttpStatus::Found;
    case Say::Preflight:
      return HttpStatus::NoContent;
    case Say::Sound:
      return answer.sound < kEmptySounds ? HttpStatus::NoContent : HttpStatus::Ok;
    case Say::NotFound:
      return HttpStatus::NotFound;
    case Say::Forbidden:
      return HttpStatus::Forbidden;
    case Say::Invalid:
    case Say::NotStored:
    case Say::NotErased:
      return HttpStatus::Failed;  // Edgent's for it, which its apps know
    case Say::Busy:
    case Say::ScanFailed:
      return HttpStatus::Unavailable;
    case Say::NotAllowed:
      return HttpStatus::NotAllowed;
    case Say::TooLarge:
      return HttpStatus::TooLarge;
    default:
      return HttpStatus::Ok;
  }
}

void putStatus(Writer& w, HttpStatus status) { putLine(w, kReasons, static_cast<uint8_t>(status)); }

void putMessage(Writer& w, Say say) {
  if (say == Say::TooLarge) say = Say::Invalid;
  putLine(w, kMessages, static_cast<uint8_t>(static_cast<int>(say) - static_cast<int>(Say::Trying)));
}

void putTitle(Writer& w, Say say) { putLine(w, kTitles, static_cast<uint8_t>(title(say))); }

void putText(Writer& w, Say say, Parameter field) {
  putLine(w, kTexts, static_cast<uint8_t>(say == Say::Invalid ? mend(field) : title(say)));
}

void putSound(Writer& w, uint8_t sound) {
  if (sound < kEmptySounds) return;
  putLine(w, kSounds, static_cast<uint8_t>(sound - (sound > 6 ? 4 : sound > 2 ? 3 : 2)));
  if (sound >= 6 && sound <= 8) w.put('\n');
}

}  // namespace tendril
