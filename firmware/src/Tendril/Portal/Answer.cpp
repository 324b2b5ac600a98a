#include "Answer.h"

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
TENDRIL_ROM_TEXT(kHtml, "Content-Type: text/html; charset=utf-8\r\n");
TENDRIL_ROM_TEXT(kJson, "Content-Type: application/json\r\n");
TENDRIL_ROM_TEXT(kPlain, "Content-Type: text/plain; charset=utf-8\r\n");
TENDRIL_ROM_TEXT(kPageHeaders,
                 "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
                 "form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\nReferrer-Policy: same-origin\r\nVary: Accept-Encoding\r\n");
TENDRIL_ROM_TEXT(kGzip, "Content-Encoding: gzip\r\n");
TENDRIL_ROM_TEXT(kWordsHeaders,
                 "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
                 "frame-ancestors 'none'\r\n");
TENDRIL_ROM_TEXT(kRetry, "Retry-After: 2\r\n");
TENDRIL_ROM_TEXT(kLength, "Content-Length: ");
TENDRIL_ROM_TEXT(kLocation, "Location: http://");
TENDRIL_ROM_TEXT(kAllow, "Allow: ");
TENDRIL_ROM_TEXT(kGetHead, "GET, HEAD");
TENDRIL_ROM_TEXT(kGetPost, "GET, POST");
TENDRIL_ROM_TEXT(kPostOnly, "POST");

TENDRIL_ROM_TEXT(kBoard, "board");
TENDRIL_ROM_TEXT(kTemplate, "tmpl_id");
TENDRIL_ROM_TEXT(kType, "fw_type");
TENDRIL_ROM_TEXT(kVersion, "fw_ver");
TENDRIL_ROM_TEXT(kVendor, "vendor");
TENDRIL_ROM_TEXT(kName, "name");
TENDRIL_ROM_TEXT(kSsid, "ssid");
TENDRIL_ROM_TEXT(kSsidHex, "ssid_hex");
TENDRIL_ROM_TEXT(kBssid, "bssid");
TENDRIL_ROM_TEXT(kMac, "mac");
TENDRIL_ROM_TEXT(kLastError, "last_error");
TENDRIL_ROM_TEXT(kWifiScan, "wifi_scan");
TENDRIL_ROM_TEXT(kStaticIp, "static_ip");
TENDRIL_ROM_TEXT(kConfigured, "configured");
TENDRIL_ROM_TEXT(kWizards, "wizards");
TENDRIL_ROM_TEXT(kShortCodes, "short_code");
TENDRIL_ROM_TEXT(kRssi, "rssi");
TENDRIL_ROM_TEXT(kSecurity, "sec");
TENDRIL_ROM_TEXT(kChannel, "ch");
TENDRIL_ROM_TEXT(kHidden, "hidden");
TENDRIL_ROM_TEXT(kStatus, "status");
TENDRIL_ROM_TEXT(kMessage, "msg");
TENDRIL_ROM_TEXT(kField, "field");
TENDRIL_ROM_TEXT(kHint, "hint");
TENDRIL_ROM_TEXT(kOk, "ok");
TENDRIL_ROM_TEXT(kError, "error");

// A page of the device that says one thing.
TENDRIL_ROM_TEXT(kBeforeTitle,
                 "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                 "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
TENDRIL_ROM_TEXT(kBeforeHeading,
                 "</title>\n<style>\n"
                 ":root { font: 100%/1.5 system-ui, sans-serif; background: #f2f5f2; color: #17201a }\n"
                 "body { max-width: 27rem; margin: 0 auto; padding: 1rem }\n"
                 "h1 { font-size: 1.5rem; line-height: 1.25 }\n"
                 "a { color: #1f7a4d; display: inline-block; padding: .6rem 0; font-weight: 600 }\n"
                 "@media (prefers-color-scheme: dark) { :root { background: #111411; color: #e9efe9 } a { color: #7fd0a0 } }\n"
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


void putQuotedMac(Writer& w, const uint8_t mac[6]) {
  w.put('"');
  putMac(w, mac);
  w.put('"');
}

void putText(Writer& w, Address address) {
  for (size_t i = 0; i < 4; i++) {
    if (i > 0) w.put('.');
    w.number(address.bytes[i]);
  }
}

void putBoard(Writer& w, const AnswerContext& context) {
  BoardInfo info;
  context.device.boardInfo(info);
  JsonObject o(w);
  o.text(kBoard, info.board);
  o.text(kTemplate, info.templateId);
  o.text(kType, info.firmwareType);
  o.text(kVersion, info.firmwareVersion);
  o.text(kVendor, info.vendor);
  o.text(kName, info.name);
  o.text(kSsid, info.ssid);
  o.name(kBssid);
  putQuotedMac(w, info.bssid);
  o.name(kMac);
  putQuotedMac(w, info.mac);
  o.number(kLastError, static_cast<int32_t>(info.lastError));
  o.boolean(kWifiScan, true);
  o.boolean(kStaticIp, true);
  o.boolean(kConfigured, info.configured);
  if (context.site.wizardCount > 0) {
    o.name(kWizards);
    for (uint8_t i = 0; i < context.site.wizardCount; i++) {
      w.put(i == 0 ? '[' : ',');
      putJson(w, context.site.wizards[i]);
    }
    w.put(']');
  }
  o.boolean(kShortCodes, true);
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
    o.text(kSsid, name);
    if (!isUtf8(name)) {
      o.name(kSsidHex);
      w.put('"');
      putHex(w, name);
      w.put('"');
    }
    o.name(kBssid);
    putQuotedMac(w, network.bssid);
    o.number(kRssi, network.rssi);
    o.text(kSecurity, Text(network.security));
    o.number(kChannel, network.channel);
    if (network.hidden) o.boolean(kHidden, true);
    o.end();
  }
  w.put(']');
}

void putWords(Writer& w, const Answer& answer) {
  const RomText title = titleOf(answer.say);
  w.put(kBeforeTitle);
  w.put(title);
  w.put(kBeforeHeading);
  w.put(title);
  w.put(kBeforeText);
  w.put(textOf(answer.say, answer.field));
  w.put(kAfterText);
  if (statusOf(answer) != 200) w.put(kBack);
  w.put(kEnd);
}

void putResult(Writer& w, const Answer& answer) {
  const bool ok = statusOf(answer) == 200;
  JsonObject o(w);
  o.text(kStatus, ok ? kOk : kError);
  o.text(kMessage, messageOf(answer.say));
  if (answer.field != Parameter::None) {
    o.name(kField);
    w.put('"');
    putName(w, answer.field);
    w.put('"');
  }
  if (!ok && hasWords(answer.say)) o.text(kHint, textOf(answer.say, answer.field));
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
      return w.put(soundOf(answer.sound));
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

void putKind(Writer& w, const Answer& answer) {
  switch (answer.say) {
    case Say::Home:
    case Say::Preflight:
      return;
    case Say::Page:
      w.put(kGzip);
      [[fallthrough]];
    case Say::Form:
      w.put(kHtml);
      return w.put(kPageHeaders);
    case Say::Sound:
      if (answer.sound >= kEmptySounds) w.put(isHtmlSound(answer.sound) ? kHtml : kPlain);
      return;
    case Say::NotFound:
    case Say::Unreadable:
      return w.put(kPlain);
    default:
      if (!isWords(answer)) return w.put(kJson);
      w.put(kHtml);
      w.put(kWordsHeaders);
  }
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
  const uint16_t status = statusOf(answer);
  w.put(kVersionText);
  putStatus(w, status);
  w.put(kCommon);
  if (answer.wizard != kNoWizard) {
    w.put(kAllowOrigin);
    w.put(Text(context.site.wizards[answer.wizard]));
    w.put(kLineEnd);
  }
  putKind(w, answer);
  if (answer.say == Say::Preflight) {
    w.put(kPreflight);
    if (answer.asksPrivate) w.put(kPrivate);
  }
  if (answer.say == Say::Home) {
    w.put(kLocation);
    putText(w, context.site.address);
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
    w.put(answer.allow == Allow::Post ? kPostOnly : answer.allow == Allow::GetPost ? kGetPost : kGetHead);
    w.put(kLineEnd);
  }
  if (status != 204) {
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
