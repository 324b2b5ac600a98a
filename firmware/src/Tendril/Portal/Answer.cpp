#include "Answer.h"

#include "../Text/Digits.h"
#include "../Text/Json.h"
#include "PageBytes.h"
#include "Words.h"

namespace tendril {

namespace {

TENDRIL_ROM_TEXT(kVersionText, "HTTP/1.1 ");
TENDRIL_ROM_TEXT(kLineEnd, "\r\n");
TENDRIL_ROM_TEXT(kCommon, "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nVary: Origin\r\nConnection: close\r\n");
TENDRIL_ROM_TEXT(kAllowOrigin, "Access-Control-Allow-Origin: ");
TENDRIL_ROM_TEXT(kPreflight,
                 "Access-Control-Allow-Methods: GET, POST\r\nAccess-Control-Allow-Headers: Content-Type\r\nAccess-Control-Max-Age: 600\r\n");
TENDRIL_ROM_TEXT(kPrivate, "Access-Control-Allow-Private-Network: true\r\n");
TENDRIL_ROM_TEXT(kType, "Content-Type: ");
TENDRIL_ROM_TEXT(kHtml, "text/html; charset=utf-8");
TENDRIL_ROM_TEXT(kPlain, "text/plain; charset=utf-8");
TENDRIL_ROM_TEXT(kJson, "application/json");
TENDRIL_ROM_TEXT(kGzip, "Content-Encoding: gzip\r\n");
TENDRIL_ROM_TEXT(kPolicy,
                 "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action ");
TENDRIL_ROM_TEXT(kPagePolicy, "'self'; script-src 'unsafe-inline'; connect-src 'self'\r\nReferrer-Policy: same-origin\r\nVary: Accept-Encoding\r\n");
TENDRIL_ROM_TEXT(kWordsPolicy, "'none'\r\n");
TENDRIL_ROM_TEXT(kRetry, "Retry-After: 2\r\n");
TENDRIL_ROM_TEXT(kLength, "Content-Length: ");
TENDRIL_ROM_TEXT(kLocation, "Location: http://");
TENDRIL_ROM_TEXT(kAllow, "Allow: ");
TENDRIL_ROM_TEXT(kGetHead, "GET, HEAD");
TENDRIL_ROM_TEXT(kGetPost, "GET, POST");
TENDRIL_ROM_TEXT(kPostOnly, "POST");

// A page of the device that says one thing.
TENDRIL_ROM_TEXT(kBeforeTitle,
                 "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                 "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
TENDRIL_ROM_TEXT(kBeforeHeading,
                 "</title>\n<style>\n"
                 "body { font: 100%/1.5 system-ui; max-width: 27rem; margin: auto; padding: 1rem }\n"
                 "a { color: inherit; display: inline-block; padding: .6rem 0 }\n"
                 "</style>\n<main><h1>");
TENDRIL_ROM_TEXT(kBeforeText, "</h1><p>");
TENDRIL_ROM_TEXT(kAfterText, "</p>");
TENDRIL_ROM_TEXT(kBack, "<p><a href=\"/\">Back to the device’s page</a></p>");
TENDRIL_ROM_TEXT(kEnd, "</main>\n</html>\n");

// The page for browsers that unpack nothing: plain, the real one has 15 KB.
TENDRIL_ROM_TEXT(kFormTitle, "Set up this device");
TENDRIL_ROM_TEXT(kForm,
                 "</h1><form method=\"post\" action=\"/config\">\n"
                 "<p><label>WiFi<br><input name=\"ssid\" required></label></p>\n"
                 "<p><label>Password<br><input name=\"pass\" type=\"password\"></label></p>\n"
                 "<p><label>Code<br><input name=\"blynk\" required></label></p>\n"
                 "<p><label>Cloud, if the device knows none<br><input name=\"host\"></label></p>\n"
                 "<p><button>Connect</button></p>\n</form>");

void putMac(JsonObject& o, Member name, Writer& w, const uint8_t mac[6]) {
  o.open(name);
  putMac(w, mac);
  o.close();
}

void putBoard(Writer& w, const AnswerContext& context) {
  BoardInfo info;
  context.device.boardInfo(info);
  JsonObject o(w);
  o.text(Member::Board, info.board);
  o.text(Member::TemplateId, info.templateId);
  o.text(Member::Type, info.firmwareType);
  o.text(Member::Version, info.firmwareVersion);
  o.text(Member::Vendor, info.vendor);
  o.text(Member::Name, info.name);
  o.text(Member::Ssid, info.ssid);
  putMac(o, Member::Bssid, w, info.bssid);
  putMac(o, Member::Mac, w, info.mac);
  o.number(Member::LastError, static_cast<int32_t>(info.lastError));
  o.boolean(Member::WifiScan, true);
  o.boolean(Member::StaticIp, true);
  o.boolean(Member::Configured, info.configured);
  if (context.site.wizardCount > 0) {
    o.name(Member::Wizards);
    for (uint8_t i = 0; i < context.site.wizardCount; i++) {
      w.put(i == 0 ? '[' : ',');
      putJson(w, context.site.wizards[i]);
    }
    w.put(']');
  }
  o.boolean(Member::ShortCode, true);
  o.end();
}

void putNetworks(Writer& w, const AnswerContext& context) {
  w.put('[');
  bool first = true;
  for (uint8_t i = 0; i < context.networks.count; i++) {
    Network network;
    if (!context.device.foundAt(context.networks.index[i], network)) continue;
    if (!first) w.put(',');
    first = false;
    const Text name = network.hidden ? Text() : network.ssid.text();
    JsonObject o(w);
    o.text(Member::Ssid, name);
    if (!isUtf8(name)) {
      o.open(Member::SsidHex);
      putHex(w, name);
      o.close();
    }
    putMac(o, Member::Bssid, w, network.bssid);
    o.number(Member::Rssi, network.rssi);
    o.text(Member::Security, Text(network.security));
    o.number(Member::Channel, network.channel);
    if (network.hidden) o.boolean(Member::Hidden, true);
    o.end();
  }
  w.put(']');
}

void putWords(Writer& w, const Answer& answer) {
  w.put(kBeforeTitle);
  putTitle(w, answer.say);
  w.put(kBeforeHeading);
  putTitle(w, answer.say);
  w.put(kBeforeText);
  putText(w, answer.say, answer.field);
  w.put(kAfterText);
  if (statusOf(answer) != HttpStatus::Ok) w.put(kBack);
  w.put(kEnd);
}

void putResult(Writer& w, const Answer& answer) {
  const bool ok = statusOf(answer) == HttpStatus::Ok;
  JsonObject o(w);
  o.text(Member::Status, ok ? "ok" : "error");
  o.open(Member::Message);
  putMessage(w, answer.say);
  o.close();
  if (answer.field != Parameter::None) {
    o.open(Member::Field);
    putName(w, answer.field);
    o.close();
  }
  if (!ok && hasWords(answer.say)) {
    o.open(Member::Hint);
    putText(w, answer.say, answer.field);
    o.close();
  }
  o.end();
}

bool isWords(const Answer& answer) { return answer.person && hasWords(answer.say); }

void putBody(Writer& w, const Answer& answer, const AnswerContext& context) {
  switch (answer.say) {
    case Say::Page:
      return w.put(kPage);
    case Say::Form:
      w.put(kBeforeTitle);
      w.put(kFormTitle);
      w.put(kBeforeHeading);
      w.put(kFormTitle);
      w.put(kForm);
      return w.put(kEnd);
    case Say::Board:
      return putBoard(w, context);
    case Say::Networks:
      return putNetworks(w, context);
    case Say::Sound:
      return putSound(w, answer.sound);
    case Say::NotFound:
    case Say::Unreadable:
      return putStatus(w, statusOf(answer));
    case Say::Home:
    case Say::Preflight:
      return;
    default:
      return isWords(answer) ? putWords(w, answer) : putResult(w, answer);
  }
}

// The headers that say what the body is.
void putKind(Writer& w, const Answer& answer) {
  const Say say = answer.say;
  const bool page = say == Say::Page || say == Say::Form, words = isWords(answer);
  const bool html = page || words || (say == Say::Sound && isHtmlSound(answer.sound));
  const bool plain = say == Say::Sound || say == Say::NotFound || say == Say::Unreadable;
  w.put(kType);
  w.put(html ? RomText(kHtml) : plain ? RomText(kPlain) : RomText(kJson));
  w.put(kLineEnd);
  if (say == Say::Page) w.put(kGzip);
  if (!page && !words) return;
  w.put(kPolicy);
  w.put(page ? RomText(kPagePolicy) : RomText(kWordsPolicy));
}

}  // namespace

void Strongest::pick(PortalDevice& device) {
  int8_t rssi[kMaxScan];
  count = 0;
  const uint16_t found = device.found();
  for (uint16_t i = 0; i < found; i++) {
    Network network;
    if (!device.foundAt(i, network)) continue;
    size_t at = count;
    while (at > 0 && rssi[at - 1] < network.rssi) at--;
    if (at == kMaxScan) continue;
    if (count < kMaxScan) count++;
    for (size_t j = count - 1u; j > at; j--) {
      rssi[j] = rssi[j - 1];
      index[j] = index[j - 1];
    }
    rssi[at] = network.rssi;
    index[at] = i;
  }
}

void putAnswer(Writer& w, const Answer& answer, const AnswerContext& context) {
  const HttpStatus status = statusOf(answer);
  w.put(kVersionText);
  putStatus(w, status);
  w.put(kCommon);
  if (answer.wizard != kNoWizard) {
    w.put(kAllowOrigin);
    w.put(Text(context.site.wizards[answer.wizard]));
    w.put(kLineEnd);
  }
  if (status != HttpStatus::NoContent && status != HttpStatus::Found) putKind(w, answer);
  if (answer.say == Say::Preflight) {
    w.put(kPreflight);
    if (answer.asksPrivate) w.put(kPrivate);
  }
  if (answer.say == Say::Home) {
    w.put(kLocation);
    putAddress(w, context.site.address);
    if (context.site.port != 80) {
      w.put(':');
      w.number(context.site.port);
    }
    w.put('/');
    w.put(kLineEnd);
  }
  if (answer.say == Say::Busy) w.put(kRetry);
  if (answer.say == Say::NotAllowed) {
    w.put(kAllow);
    w.put(answer.allow == Allow::Post ? RomText(kPostOnly) : answer.allow == Allow::GetPost ? RomText(kGetPost) : RomText(kGetHead));
    w.put(kLineEnd);
  }
  if (status != HttpStatus::NoContent) {
    Writer counter(nullptr, 0);
    putBody(counter, answer, context);
    w.put(kLength);
    w.number(static_cast<int32_t>(counter.total()));
    w.put(kLineEnd);
  }
  w.put(kLineEnd);
  if (!answer.headOnly) putBody(w, answer, context);
}

}  // namespace tendril
