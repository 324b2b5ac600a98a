// The portal as its clients see it; the rows are those of Go's device/portal.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "SetupNetwork.h"
#include "tables/Code.h"

namespace {

using namespace tests;
using tendril::Parameter;
using tendril::PortalDevice;
using tendril::Progress;
using nlohmann::json;

const std::string kToken = "abcdefghijklmnopqrstuvwxyz-_0123";
const std::string kSound = "ssid=Home&pass=secret-pass&blynk=" + kToken + "&host=cloud.example&port=80&port_ssl=443";
const std::string kObject = R"({"ssid":"Home","pass":"secret-pass","blynk":")" + kToken + R"(","host":"cloud.example","port":80,"port_ssl":443})";
const std::string kWizard = "https://wizard.example";
const std::string kAsForm = "Content-Type: application/x-www-form-urlencoded", kAsJson = "Content-Type: application/json",
                  kAsText = "Content-Type: text/plain;charset=UTF-8",
                  kAsBrowser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const std::string kHead = " HTTP/1.1\r\nHost: 192.168.4.1\r\n";

json result(const Reply& reply) {
  const json parsed = json::parse(reply.body, nullptr, false);
  EXPECT_FALSE(parsed.is_discarded()) << reply.body;
  return parsed;
}

TEST(Portal, ConfigurationsAreTaken) {
  const struct {
    std::string method, target, body, header;
  } table[] = {
      {"GET", "/config?" + kSound, "", "Accept: */*"},
      {"POST", "/config", kSound, kAsForm},
      {"POST", "/config", kSound, "Accept: */*"},
      {"POST", "/config", kObject, kAsJson},
      {"POST", "/config", " " + kObject, kAsText},
      {"POST", "/config", kSound, kAsText},
      {"POST", "/config?" + kSound, "", kAsForm},
      {"POST", "/config?ssid=%zz", kSound, kAsForm},
      {"POST", "/config", kObject, "content-type:\t Application/JSON ; charset=utf-8"},
      {"GET", "/%63onfig?" + kSound, "", "Accept: */*"},
  };
  for (const auto& row : table) {
    SetupNetwork world;
    const Reply reply = world.ask(row.method, row.target, row.body, {row.header});
    EXPECT_EQ(reply.status, 200) << row.method << row.target << reply.body;
    EXPECT_EQ(result(reply), (json{{"status", "ok"}, {"msg", "Trying to connect..."}}));
    ASSERT_EQ(world.device.accepted.size(), 1u);
    const tendril::Configuration& c = world.device.accepted[0];
    EXPECT_EQ(str(c.ssid.text()), "Home");
    EXPECT_EQ(str(c.password.text()), "secret-pass");
    EXPECT_EQ(str(c.token.text()), kToken);
    EXPECT_EQ(str(c.host.text()), "cloud.example");
    EXPECT_EQ(c.port, 80);
    EXPECT_EQ(c.tlsPort, 443);
    EXPECT_FALSE(world.device.saves[0]);
    EXPECT_EQ(world.device.kepts, 1);
    EXPECT_EQ(world.device.uses, 1);
  }
}

TEST(Portal, EveryWayToCutARequestIsTheSame) {
  const std::string text = request("POST", "/config", kObject, {kAsJson, "Origin: " + kWizard, "Accept-Encoding: gzip"});
  for (size_t pace = 1; pace < 40; pace++) {
    SetupNetwork world;
    EXPECT_EQ(world.raw(text, pace, 41 - pace).status, 200);
    EXPECT_EQ(world.device.accepted.size(), 1u);
  }
}

TEST(Portal, TheAnswerComesBeforeTheConfigurationIsKept) {
  SetupNetwork world;
  auto phone = world.call(request("POST", "/config", kSound, {kAsForm}));
  phone->takes = 10;
  world.portal.tick(world.now);
  EXPECT_EQ(world.device.accepted.size(), 1u);
  EXPECT_EQ(world.device.kepts, 0);
  world.pass(200);
  EXPECT_TRUE(parse(phone->out).whole);
  EXPECT_EQ(world.device.kepts, 1);
}

TEST(Portal, AConfigurationIsKeptThoughItsSenderIsGone) {
  SetupNetwork world;
  auto phone = world.call(request("POST", "/config", kSound, {kAsForm}));
  phone->takes = 10;
  world.portal.tick(world.now);
  phone->gone = true;
  world.pass(10);
  EXPECT_TRUE(phone->dropped);
  EXPECT_EQ(world.device.kepts, 1);
  // Or the network is closed under the answer.
  SetupNetwork other;
  phone = other.call(request("POST", "/config", kSound, {kAsForm}));
  phone->takes = 10;
  other.portal.tick(other.now);
  other.portal.close();
  EXPECT_EQ(other.device.kepts, 1);
}

TEST(Portal, SavingIsSaidSo) {
  SetupNetwork world;
  EXPECT_EQ(result(world.ask("GET", "/config?save=1&" + kSound))["msg"], "Configuration saved");
  EXPECT_TRUE(world.device.saves.at(0));
}

TEST(Portal, ShortCodesBecomeTokens) {
  for (const tables::CodeRow& row : tables::kCodes) {
    SetupNetwork world;
    const Reply reply = world.ask("POST", "/config", json{{"ssid", "Home"}, {"blynk", str(row.written)}}.dump(), {kAsJson});
    const bool isToken = row.written.size == tendril::kTokenSize;
    if (row.token.empty() && !isToken) {
      EXPECT_EQ(result(reply)["field"], "blynk") << row.name;
      continue;
    }
    ASSERT_EQ(world.device.accepted.size(), 1u) << row.name << reply.body;
    EXPECT_EQ(str(world.device.accepted[0].token.text()), isToken ? str(row.written) : str(row.token)) << row.name;
  }
}

TEST(Portal, ADeviceWithATokenNeedsNone) {
  SetupNetwork world(false);
  tendril::Portal portal(world.sockets, world.device, world.workspace, world.board, {nullptr, 0, true});
  ASSERT_TRUE(portal.open());
  const auto ask = [&](const std::string& form) {
    auto phone = world.call(request("POST", "/config", form, {kAsForm}));
    portal.tick(world.now);
    return parse(phone->out);
  };
  EXPECT_EQ(ask("ssid=Home").status, 200);
  EXPECT_TRUE(world.device.accepted.at(0).token.empty());
  EXPECT_EQ(ask("ssid=Home&blynk=" + kToken).status, 200);
  EXPECT_EQ(str(world.device.accepted.at(1).token.text()), kToken);
  EXPECT_EQ(result(ask("ssid=Home&blynk=x"))["field"], "blynk");
}

TEST(Portal, ConfigurationsAreRefused) {
  using Accepted = PortalDevice::Accepted;
  const struct {
    std::string method, target, body, header;
    Accepted device;
    int status;
    std::string field, message;
  } table[] = {
      {"GET", "/config", "", kAsForm, Accepted::Yes, 500, "ssid", "Configuration invalid"},
      {"POST", "/config", "ssid=Home&blynk=short", kAsForm, Accepted::Yes, 500, "blynk", "Configuration invalid"},
      {"GET", "/config?ssid=%zz", "", kAsForm, Accepted::Yes, 500, "query", "Configuration invalid"},
      {"POST", "/config", R"({"ssid":)", kAsJson, Accepted::Yes, 500, "body", "Configuration invalid"},
      {"POST", "/config?" + kSound, "", kAsJson, Accepted::Yes, 500, "body", "Configuration invalid"},
      {"POST", "/config", kSound, "Content-Type: multipart/form-data; boundary=x", Accepted::Yes, 500, "Content-Type", "Configuration invalid"},
      {"POST", "/config", kSound, "Content-Type: ;;", Accepted::Yes, 500, "Content-Type", "Configuration invalid"},
      {"POST", "/config", kSound, kAsForm, Accepted::Refused, 500, "host", "Configuration invalid"},
      {"POST", "/config", kSound, kAsForm, Accepted::Busy, 503, "", "Busy"},
      {"POST", "/config", kSound, kAsForm, Accepted::Failed, 500, "", "The configuration could not be stored"},
      {"PUT", "/config", kSound, kAsForm, Accepted::Yes, 405, "", "Method not allowed"},
      {"HEAD", "/config?" + kSound, "", kAsForm, Accepted::Yes, 405, "", ""},
  };
  for (const auto& row : table) {
    SetupNetwork world;
    world.device.answer = row.device;
    const Reply reply = world.ask(row.method, row.target, row.body, {row.header});
    EXPECT_EQ(reply.status, row.status) << row.target << row.body;
    EXPECT_EQ(world.device.changes(), 0);
    EXPECT_EQ(world.device.kepts, 0);
    EXPECT_EQ(reply.header("Allow"), row.status == 405 ? "GET, POST" : "");
    EXPECT_EQ(reply.header("Retry-After"), row.status == 503 ? "2" : "");
    EXPECT_EQ(reply.body.find(kToken), std::string::npos);
    if (row.method == "HEAD") continue;
    const json r = result(reply);
    EXPECT_EQ(r["status"], "error");
    EXPECT_EQ(r["msg"], row.message);
    EXPECT_EQ(r.value("field", ""), row.field);
    EXPECT_EQ(r.contains("hint"), row.status != 405);
  }
}

TEST(Portal, PeopleAreAnsweredInWords) {
  using Accepted = PortalDevice::Accepted;
  const struct {
    std::string form, header;
    Accepted device;
    int status;
    std::string says;
  } table[] = {
      {kSound, "", Accepted::Yes, 200, "The device is connecting"},
      {"ssid=&pass=&blynk=" + kToken, "", Accepted::Yes, 500, "Choose the WiFi"},
      {"ssid=Home&pass=shorty&blynk=" + kToken, "", Accepted::Yes, 500, "8 to 63 characters"},
      {"ssid=Home&blynk=K7QF-3M2P", "", Accepted::Yes, 500, "12 letters and digits"},
      {"ssid=Home&port=99999&blynk=" + kToken, "", Accepted::Yes, 500, "up to 65535"},
      {kSound + "&ip=10.0.0.2", "", Accepted::Yes, 500, "network mask"},
      {kSound + "&if=eth", "", Accepted::Yes, 500, "Type it again"},
      {kSound, "", Accepted::Refused, 500, "doesn’t know its cloud"},
      {kSound, "", Accepted::Busy, 503, "Wait a few seconds"},
      {kSound, "", Accepted::Failed, 500, "Unplug it"},
      {kSound, "Origin: https://evil.example", Accepted::Yes, 403, "its own page only"},
      {kSound, "Origin: null", Accepted::Yes, 403, "its own page only"},
  };
  for (const auto& row : table) {
    SetupNetwork world;
    world.device.answer = row.device;
    std::vector<std::string> headers{kAsForm};
    if (!row.header.empty()) headers.push_back(row.header);
    const Reply program = world.ask("POST", "/config", row.form, headers);
    headers.push_back(kAsBrowser);
    const Reply person = world.ask("POST", "/config", row.form, headers);
    EXPECT_EQ(person.status, row.status);
    EXPECT_EQ(person.header("Content-Type"), "text/html; charset=utf-8");
    EXPECT_NE(person.body.find(row.says), std::string::npos) << person.body;
    EXPECT_EQ(person.body.find("href=\"/\"") != std::string::npos, row.status != 200);
    EXPECT_EQ(person.header("Content-Security-Policy").find("script-src"), std::string::npos);
    EXPECT_EQ(person.header("Content-Security-Policy").find("default-src 'none'"), 0u);
    for (const std::string& secret : {kToken, std::string("secret-pass"), std::string("shorty"), std::string("K7QF")}) {
      EXPECT_EQ(person.body.find(secret), std::string::npos);
    }
    EXPECT_EQ(program.status, row.status);
    EXPECT_EQ(program.header("Content-Type"), "application/json");
    const std::string hint = result(program).value("hint", "");
    EXPECT_EQ(hint.empty(), row.status == 200);
    EXPECT_NE(person.body.find(hint), std::string::npos);
  }
}

TEST(Portal, EveryByteArrives) {
  const auto escaped = [](const std::string& text) {
    std::string all;
    char digits[4];
    for (const char c : text) {
      snprintf(digits, sizeof digits, "%%%02x", static_cast<uint8_t>(c));
      all += digits;
    }
    return all;
  };
  SetupNetwork world;
  for (int b = 1; b < 256; b += 32) {
    std::string ssid;
    for (int i = b; i < b + 32 && i < 256; i++) ssid += static_cast<char>(i);
    const std::string password = ssid + "8 bytes";
    std::string hex = escaped(ssid), passHex = escaped(password);
    const std::string form = "ssid=" + hex + "&pass=" + passHex + "&blynk=" + kToken;
    hex.erase(std::remove(hex.begin(), hex.end(), '%'), hex.end());
    passHex.erase(std::remove(passHex.begin(), passHex.end(), '%'), passHex.end());
    const std::string object = json{{"ssid_hex", hex}, {"pass_hex", passHex}, {"blynk", kToken}}.dump();
    for (const Reply& reply : {world.ask("GET", "/config?" + form), world.ask("POST", "/config", form, {kAsForm}), world.ask("POST", "/config", object, {kAsJson})}) {
      EXPECT_EQ(reply.status, 200) << reply.body;
      EXPECT_EQ(str(world.device.accepted.back().ssid.text()), ssid);
      EXPECT_EQ(str(world.device.accepted.back().password.text()), password);
    }
  }
}

TEST(Portal, ForeignPagesChangeNothing) {
  SetupNetwork world;
  for (const std::string& header :
       {std::string("Origin: https://evil.example"), std::string("Origin: null"), std::string("Origin:"), std::string("Origin: http://192.168.4.1.evil.example"),
        std::string("Origin: x"), std::string("Origin: https://192.168.4.1"), std::string("Origin: http://192.168.4.1:1"), "Origin: " + kWizard + ".evil.example",
        "Origin: " + kWizard + ":1", std::string("Origin: http://wizard.example"), std::string("Referer: https://evil.example/"),
        std::string("Referer: http://192.168.4.1@evil.example/"), std::string("Referer: https://evil.example/http://192.168.4.1"),
        std::string("Referer: https://" + std::string(200, 'x') + "/"), std::string("Origin: http://192.168.4.1\r\nOrigin: https://evil.example"),
        std::string("Origin: http://192.168.4.1\r\nReferer: https://evil.example/"), std::string("Sec-Fetch-Site: cross-site"), std::string("Sec-Fetch-Site: same-site")}) {
    const std::vector<std::vector<std::string>> asks = {{"GET", "/config?" + kSound, ""}, {"POST", "/config", kSound}, {"GET", "/reset", ""}, {"POST", "/reset", ""},
                                                        {"GET", "/reboot", ""},           {"POST", "/reboot", ""},     {"POST", "/app", ""}};
    for (const auto& ask : asks) {
      const Reply reply = world.ask(ask[0], ask[1], ask[2], {kAsForm, header});
      EXPECT_EQ(reply.status, 403) << header << ask[1];
      EXPECT_EQ(result(reply)["msg"], "Request from a foreign page");
    }
  }
  EXPECT_EQ(world.device.changes() + world.device.uses, 0);
}

TEST(Portal, OwnPagesMay) {
  SetupNetwork world;
  int taken = 0;
  for (const std::string& header :
       {std::string("Origin: http://192.168.4.1"), std::string("Referer: http://192.168.4.1/"), std::string("Origin: http://blynk.setup"), "Origin: " + kWizard,
        "Origin: " + kWizard + "\r\nSec-Fetch-Site: cross-site", "Referer: " + kWizard + "/page?x=" + std::string(300, 'x'), std::string("Sec-Fetch-Site: none"),
        std::string("Sec-Fetch-Site: same-origin")}) {
    EXPECT_EQ(world.ask("POST", "/config", kSound, {kAsForm, header}).status, 200) << header;
    EXPECT_EQ(world.device.changes(), ++taken);
  }
}

TEST(Portal, Cors) {
  SetupNetwork world;
  const std::string requested = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\nAccess-Control-Request-Private-Network: true";
  for (const std::string path : {"/board_info.json", "/wifi_scan.json", "/config"}) {
    const Reply reply = world.ask("OPTIONS", path, "", {"Origin: " + kWizard, requested});
    EXPECT_EQ(reply.status, 204);
    EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), kWizard);
    EXPECT_EQ(reply.header("Access-Control-Allow-Methods"), "GET, POST");
    EXPECT_EQ(reply.header("Access-Control-Allow-Headers"), "Content-Type");
    EXPECT_EQ(reply.header("Access-Control-Allow-Private-Network"), "true");
    EXPECT_EQ(reply.header("Vary"), "Origin");
    EXPECT_EQ(world.ask("OPTIONS", path, "", {"Origin: " + kWizard}).header("Access-Control-Allow-Private-Network"), "");
    for (const std::string origin : {"https://evil.example", "null", "http://192.168.4.1"}) {
      const Reply other = world.ask("OPTIONS", path, "", {"Origin: " + origin, requested});
      EXPECT_EQ(other.status, 405);
      for (const auto& header : other.headers) EXPECT_NE(header.first.rfind("Access-Control", 0), 0u);
    }
  }
  EXPECT_EQ(world.ask("GET", "/board_info.json", "", {"Origin: http://10.0.0.9:8080"}).header("Access-Control-Allow-Origin"), "http://10.0.0.9:8080");
  EXPECT_EQ(world.ask("GET", "/board_info.json", "", {"Origin: https://evil.example"}).header("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(world.ask("POST", "/config", "x=1", {kAsForm, "Origin: " + kWizard}).header("Access-Control-Allow-Origin"), kWizard);
}

TEST(Portal, ForeignHostsAreSentHome) {
  SetupNetwork world;
  const std::string hosts[] = {"captive.apple.com", "evil.example", "192.168.4.1.evil.example", "10.0.0.1", "192.168.4.1:9", "", std::string(300, 'x')};
  for (const std::string& host : hosts) {
    for (const std::string& target : {std::string("/"), "/config?" + kSound, std::string("/reset"), std::string("/board_info.json"), std::string("/generate_204")}) {
      for (const std::string method : {"GET", "POST", "OPTIONS"}) {
        const Reply reply = world.ask(method, target, "", {"Host: " + host, "Origin: " + kWizard});
        EXPECT_EQ(reply.status, 302) << host << target;
        EXPECT_EQ(reply.header("Location"), "http://192.168.4.1/");
        EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), "");
      }
    }
  }
  EXPECT_EQ(world.device.changes() + world.device.uses, 0);
  SetupNetwork desk(false);
  desk.sockets.own = {{127, 0, 0, 1}};
  desk.sockets.at = 8080;
  desk.portal.open();
  EXPECT_EQ(desk.ask("GET", "/", "", {"Host: captive.apple.com"}).header("Location"), "http://127.0.0.1:8080/");
  EXPECT_EQ(desk.ask("GET", "/board_info.json", "", {"Host: localhost:8080"}).status, 200);
}

const struct {
  std::string host, path;
  int status;
  std::string type, body;
} kProbes[] = {
    {"connectivitycheck.gstatic.com", "/generate_204", 204, "", ""},
    {"www.google.com", "/gen_204", 204, "", ""},
    {"captive.apple.com", "/hotspot-detect.html", 200, "text/html; charset=utf-8", "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"},
    {"www.apple.com", "/library/test/success.html", 200, "text/html; charset=utf-8", "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"},
    {"www.msftconnecttest.com", "/connecttest.txt", 200, "text/plain; charset=utf-8", "Microsoft Connect Test"},
    {"www.msftncsi.com", "/ncsi.txt", 200, "text/plain; charset=utf-8", "Microsoft NCSI"},
    {"nmcheck.gnome.org", "/check_network_status.txt", 200, "text/plain; charset=utf-8", "NetworkManager is online\n"},
    {"network-test.debian.org", "/nm", 200, "text/plain; charset=utf-8", "NetworkManager is online\n"},
    {"detectportal.firefox.com", "/success.txt?ipv4", 200, "text/plain; charset=utf-8", "success\n"},
    {"detectportal.firefox.com", "/canonical.html", 200, "text/html; charset=utf-8",
     "<meta http-equiv=\"refresh\" content=\"0;url=https://support.mozilla.org/kb/captive-portal\"/>"},
};

TEST(Portal, AnAppsPhoneFindsTheInternet) {
  SetupNetwork world;
  const auto ask = [&](uint8_t phone, const std::string& text) {
    auto client = world.call(text);
    client->address.bytes[3] = phone;
    world.pass(20);
    EXPECT_TRUE(client->dropped);
    return parse(client->out);
  };
  const auto all = [&](uint8_t phone, bool online) {
    for (const auto& probe : kProbes) {
      for (const std::string& host : {probe.host, std::string("192.168.4.1")}) {
        const Reply reply = ask(phone, request("GET", probe.path, "", {"Host: " + host}));
        EXPECT_EQ(reply.status, online ? probe.status : 302) << probe.path;
        if (!online) {
          EXPECT_EQ(reply.header("Location"), "http://192.168.4.1/");
          continue;
        }
        EXPECT_EQ(reply.body, probe.body);
        EXPECT_EQ(reply.header("Content-Type"), probe.type);
      }
    }
  };
  all(2, false);
  const Reply refused = ask(2, request("GET", "/app", "", {}));
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.header("Allow"), "POST");
  all(2, false);
  EXPECT_EQ(result(ask(2, request("POST", "/app", "", {})))["msg"], "Go on in the app");
  all(2, true);
  all(3, false);
  // Only a probe is let through under another name.
  for (const std::string& path : {std::string("/"), std::string("/redirect"), "/config?" + kSound, std::string("/board_info.json")}) {
    EXPECT_EQ(ask(2, request("POST", path, "", {"Host: captive.apple.com"})).status, 302) << path;
  }
  EXPECT_EQ(ask(2, request("GET", "/redirect", "", {})).status, 302);
  const Reply words = ask(3, request("POST", "/app", "", {kAsBrowser}));
  EXPECT_NE(words.body.find("Go back to the app"), std::string::npos);
  EXPECT_EQ(words.body.find("href=\"/\""), std::string::npos);
  // More phones than are remembered: the oldest is forgotten.
  for (uint8_t phone = 4; phone < 11; phone++) ask(phone, request("POST", "/app", "", {}));
  all(10, true);
  all(2, false);
  EXPECT_EQ(world.device.changes(), 0);
  // The next time that the network opens nobody is known.
  world.portal.close();
  EXPECT_FALSE(world.sockets.isOpen);
  ASSERT_TRUE(world.portal.open());
  all(10, false);
}

TEST(Portal, WhatItSaysOfItself) {
  SetupNetwork world;
  const Reply reply = world.ask("GET", "/board_info.json");
  EXPECT_EQ(reply.header("Content-Type"), "application/json");
  EXPECT_EQ(result(reply), (json{{"board", "Board"},
                                 {"tmpl_id", "TMPLabcdefgh"},
                                 {"fw_type", "TMPLabcdefgh"},
                                 {"fw_ver", "0.1.0"},
                                 {"vendor", "Tendril"},
                                 {"name", "</script>"},
                                 {"ssid", "Tendril \"Pflänzchen\""},
                                 {"bssid", "1A:D7:86:B5:5E:00"},
                                 {"mac", "1A:D7:86:B5:5E:FF"},
                                 {"last_error", 722},
                                 {"wifi_scan", true},
                                 {"static_ip", true},
                                 {"configured", false},
                                 {"wizards", {kWizard, "http://10.0.0.9:8080"}},
                                 {"short_code", true}}));
  EXPECT_EQ(reply.body.find("</script>"), std::string::npos);
  const Reply head = world.ask("HEAD", "/board_info.json");
  EXPECT_EQ(head.header("Content-Length"), std::to_string(reply.body.size()));
  EXPECT_TRUE(head.body.empty());
  SetupNetwork alone(false);
  tendril::Portal portal(alone.sockets, alone.device, alone.workspace, alone.board, {});
  ASSERT_TRUE(portal.open());
  auto phone = alone.call(request("GET", "/board_info.json", "", {}));
  portal.tick(0);
  EXPECT_EQ(phone->out.find("wizards"), std::string::npos);
}

tendril::Network network(const std::string& ssid, int8_t rssi) {
  tendril::Network n;
  n.ssid.set(Text(ssid.data(), ssid.size()));
  n.rssi = rssi;
  n.channel = 6;
  n.security = "WPA2";
  return n;
}

TEST(Portal, AScanIsStrongestFirst) {
  SetupNetwork world;
  EXPECT_EQ(world.ask("GET", "/wifi_scan.json").body, "[]");
  for (int i = 0; i < 40; i++) world.device.networks.push_back(network("n" + std::to_string(i), static_cast<int8_t>(-90 + (i * 7) % 40)));
  json all = result(world.ask("GET", "/wifi_scan.json"));
  ASSERT_EQ(all.size(), 15u);
  for (int i = 0; i < 15; i++) EXPECT_EQ(all[static_cast<size_t>(i)]["rssi"], -51 - i);
  world.device.networks = {network("\"<\\>\n", -60), network("\xFF\xFE" "a", -50), network("twin", -60), network("secret", -70)};
  world.device.networks[3].hidden = true;
  const Reply reply = world.ask("GET", "/wifi_scan.json");
  EXPECT_EQ(result(reply), (json{{{"ssid", "\uFFFDa"}, {"ssid_hex", "fffe61"}, {"bssid", "00:00:00:00:00:00"}, {"rssi", -50}, {"sec", "WPA2"}, {"ch", 6}},
                                 {{"ssid", "\"<\\>\n"}, {"bssid", "00:00:00:00:00:00"}, {"rssi", -60}, {"sec", "WPA2"}, {"ch", 6}},
                                 {{"ssid", "twin"}, {"bssid", "00:00:00:00:00:00"}, {"rssi", -60}, {"sec", "WPA2"}, {"ch", 6}},
                                 {{"ssid", ""}, {"bssid", "00:00:00:00:00:00"}, {"rssi", -70}, {"sec", "WPA2"}, {"ch", 6}, {"hidden", true}}}));
}

TEST(Portal, OneScanServesAllWhoWait) {
  SetupNetwork world;
  world.device.progress = Progress::Working;
  world.device.networks = {network("Home", -50)};
  auto first = world.call(request("GET", "/wifi_scan.json", "", {})), second = world.call(request("GET", "/wifi_scan.json", "", {}));
  world.pass(5000);
  EXPECT_EQ(world.device.scans, 1);
  EXPECT_TRUE(first->out.empty());
  EXPECT_EQ(world.ask("GET", "/board_info.json").status, 200);
  world.device.progress = Progress::Done;
  first->stalls = true;  // it takes nothing of its answer yet
  world.pass(20);
  EXPECT_EQ(parse(second->out).status, 200);
  // Its scan stays as it is; who comes meanwhile gets the same.
  auto third = world.call(request("GET", "/wifi_scan.json", "", {}));
  world.pass(20);
  EXPECT_EQ(world.device.scans, 1);
  EXPECT_EQ(third->out, second->out);
  first->stalls = false;
  world.pass(20);
  EXPECT_EQ(first->out, second->out);
  EXPECT_EQ(world.ask("GET", "/wifi_scan.json").status, 200);
  EXPECT_EQ(world.device.scans, 2);
}

TEST(Portal, AScanThatFailsIsSaidSo) {
  for (const Progress progress : {Progress::Failed, Progress::Working}) {
    SetupNetwork world;
    world.device.progress = progress;
    const Reply reply = world.ask("GET", "/wifi_scan.json");
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(result(reply), (json{{"status", "error"}, {"msg", "The scan failed; try again"}}));
  }
}

TEST(Portal, AnAnswerThatChangesUnderWayIsNone) {
  SetupNetwork world;
  auto phone = world.call(request("GET", "/board_info.json", "", {}));
  phone->takes = 50;
  world.portal.tick(world.now);
  world.device.info.configured = true;
  world.pass(20);
  EXPECT_TRUE(phone->dropped);
  EXPECT_FALSE(parse(phone->out).whole);
}

TEST(Portal, Methods) {
  SetupNetwork world;
  for (const std::string path : {"/", "/board_info.json", "/wifi_scan.json"}) {
    for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "get"}) {
      const Reply reply = world.ask(method, path, "x=1");
      EXPECT_EQ(reply.status, 405) << method << path;
      EXPECT_EQ(reply.header("Allow"), "GET, HEAD");
    }
  }
  for (const std::string path : {"/update", "/x", "/config/", "/../etc/passwd", "/%00", "/%0A", "//", "/board_info.json/x", "/config%0A/reset", "/reset;x"}) {
    EXPECT_EQ(world.ask("GET", path).status, 404) << path;
  }
  EXPECT_EQ(world.ask("GET", "/" + std::string(1000, 'x')).status, 404);
  EXPECT_EQ(world.device.changes(), 0);
}

TEST(Portal, ThePage) {
  SetupNetwork world;
  const Reply packed = world.ask("GET", "/", "", {"Accept-Encoding: deflate, gzip"});
  EXPECT_EQ(packed.status, 200);
  EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
  EXPECT_EQ(packed.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_NE(packed.header("Content-Security-Policy").find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_EQ(packed.header("Referrer-Policy"), "same-origin");
  EXPECT_EQ(packed.body.substr(0, 3), "\x1F\x8B\x08");
  EXPECT_GT(packed.body.size(), 4000u);
  // However slowly it is taken.
  EXPECT_EQ(world.raw(request("GET", "/", "", {"Accept-Encoding: gzip"}), 1, 7).body, packed.body);
  // Who unpacks nothing gets a form that does the same.
  const Reply plain = world.ask("GET", "/?x");
  EXPECT_EQ(plain.header("Content-Encoding"), "");
  EXPECT_NE(plain.body.find("<form method=\"post\" action=\"/config\">"), std::string::npos);
}

TEST(Portal, ResetAndReboot) {
  const struct {
    bool proven, resets;
    int status;
    std::string message;
  } table[] = {{false, true, 200, "Configuration erased"}, {true, true, 200, "Proven configuration kept"}, {true, false, 500, "The configuration could not be erased"}};
  for (const auto& row : table) {
    for (const std::string method : {"GET", "POST"}) {
      SetupNetwork world;
      world.device.proven = row.proven;
      world.device.resets = row.resets;
      const Reply reply = world.ask(method, "/reset", method == "POST" ? "body" : "");
      EXPECT_EQ(reply.status, row.status);
      EXPECT_EQ(result(reply)["msg"], row.message);
      EXPECT_EQ(world.device.resetCalls, 1);
    }
  }
  SetupNetwork world;
  auto phone = world.call(request("POST", "/reboot", "", {}));
  phone->takes = 20;
  world.portal.tick(world.now);
  EXPECT_EQ(world.device.reboots, 0);
  world.pass(200);
  EXPECT_EQ(result(parse(phone->out))["msg"], "Restarting");
  EXPECT_EQ(world.device.reboots, 1);
}

TEST(Portal, TooMuch) {
  const std::string longText(12288, 'x');
  const auto length = [](size_t n) { return "Content-Length: " + std::to_string(n) + "\r\n\r\n"; };
  const std::string body = kSound + "&x=" + longText;
  char size[16];
  snprintf(size, sizeof size, "%zx\r\n", body.size());
  const struct {
    std::string text;
    int status;
  } table[] = {
      {"GET /config?" + kSound + "&x=" + longText + kHead + "\r\n", 431},
      {"GET /config?" + kSound + kHead + "X: " + longText + "\r\n\r\n", 431},
      {"POST /config" + kHead + kAsForm + "\r\n" + length(body.size()) + body, 413},
      {"POST /reboot" + kHead + "Content-Length: 999999999999999999999999\r\n\r\n", 413},
      {"POST /config" + kHead + kAsForm + "\r\nTransfer-Encoding: chunked\r\n\r\n" + size + body + "\r\n0\r\n\r\n", 413},
      {"POST /config" + kHead + kAsForm + "\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n", 413},
      {longText + longText, 431},
      {"POST /config" + kHead + kAsForm + "\r\nX: " + longText.substr(0, 3000) + "\r\n" + length(2000) + body.substr(0, 2000), 413},
  };
  for (const auto& row : table) {
    SetupNetwork world;
    const Reply reply = world.raw(row.text);
    EXPECT_EQ(reply.status, row.status) << row.text.substr(0, 60);
    EXPECT_EQ(world.device.changes(), 0);
    EXPECT_EQ(world.ask("GET", "/board_info.json").status, 200);
  }
  // To the byte.
  SetupNetwork world;
  std::string whole = "POST /config" + kHead + kAsForm + "\r\nContent-Length: 3900\r\nX: ";
  const std::string end = "\r\n\r\n";
  whole += std::string(4096 - 3900 - whole.size() - end.size(), 'x') + end;
  std::string form = kSound + "&x=";
  form += std::string(3900 - form.size(), 'x');
  EXPECT_EQ(world.raw(whole + form).status, 200);
  whole.insert(whole.size() - end.size(), "x");
  EXPECT_EQ(world.raw(whole + form).status, 413);
}

TEST(Portal, TheLargestConfigurationFits) {
  std::string ssid, pass;
  for (int i = 0; i < 32; i++) ssid += "%FF";
  for (int i = 0; i < 63; i++) pass += "%FE";
  const std::string form = "ssid=" + ssid + "&ssidManual=" + ssid + "&pass=" + pass + "&blynk=" + kToken + "&host=" + std::string(33, 'h') +
                           "&port=65535&port_ssl=65535&if=wifi&ip=255.255.255.255&mask=255.255.255.255&gw=255.255.255.255&dns=255.255.255.255&dns2=255.255.255.255";
  const std::string headers = "User-Agent: " + std::string(300, 'u') + "\r\nAccept: " + std::string(300, 'a') + "\r\nCookie: " + std::string(500, 'c');
  SetupNetwork world;
  EXPECT_EQ(world.ask("GET", "/config?" + form, "", {headers}).status, 200);
  EXPECT_EQ(world.ask("POST", "/config", form, {kAsForm, headers}).status, 200);
}

TEST(Portal, Garbage) {
  const std::string host = "\r\nHost: 192.168.4.1\r\n";
  const struct {
    std::string text;
    int status;
  } table[] = {
      {std::string(100, '\0'), 400},
      {std::string("\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", 11) + std::string(154, 'Z'), 400},
      {std::string("\x1d\x00\x01\x00\x20", 5) + kToken, 400},
      {"\r\nGET / HTTP/1.1" + host + "\r\n", 400},
      {" / HTTP/1.1" + host + "\r\n", 400},
      {"GET /reboot\r\n\r\n", 400},
      {"GET /reboot \r\n\r\n", 400},
      {"GET /reboot HTTP/1.1 \r\n", 400},
      {"GET  /reboot HTTP/1.1" + host + "\r\n", 400},
      {"GET /reboot HTTP/9.9" + host + "\r\n", 505},
      {"GET /reboot HTTP/x.1" + host + "\r\n", 400},
      {"GET /reboot http/1.1" + host + "\r\n", 400},
      {"GET reboot HTTP/1.1" + host + "\r\n", 400},
      {"GET http://192.168.4.1/reboot HTTP/1.1" + host + "\r\n", 400},
      {"GET * HTTP/1.1" + host + "\r\n", 400},
      {"GET /reboot%4 HTTP/1.1" + host + "\r\n", 400},
      {"GET /reboot%zz HTTP/1.1" + host + "\r\n", 400},
      {std::string("GET /re\0boot HTTP/1.1", 21) + host + "\r\n", 400},
      {"GET /config?a\x7Fz HTTP/1.1" + host + "\r\n", 400},
      {"GET /reboot HTTP/1.1\r\rHost: 192.168.4.1\r\n\r\n", 400},
      {"POST /reboot HTTP/1.1" + host + "Content-Length: -1\r\n\r\n", 400},
      {"POST /reboot HTTP/1.1" + host + "Content-Length:\r\n\r\n", 400},
      {"POST /reboot HTTP/1.1" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400},
      {"POST /reboot HTTP/1.1" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", 400},
      {"POST /reboot HTTP/1.1" + host + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\nx", 400},
      {"POST /reboot HTTP/1.1" + host + "Transfer-Encoding: gzip\r\n\r\nx", 501},
      {"POST /config HTTP/1.1" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n", 400},
      {"POST /config HTTP/1.1" + host + "Transfer-Encoding: chunked\r\n\r\n\r\n", 400},
      {"POST /config HTTP/1.1" + host + "Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n", 400},
      {"POST /config HTTP/1.1" + host + "Transfer-Encoding: chunked\r\n\r\n1\rz", 400},
      {"GET /reboot HTTP/1.1" + host + ": x\r\n\r\n", 400},
      {"GET /reboot HTTP/1.1" + host + "nonsense\r\n\r\n", 400},
      {"GET /reboot HTTP/1.1" + host + "X : y\r\n\r\n", 400},
      {"GET /reboot HTTP/1.1" + host + " X: y\r\n\r\n", 400},
      {"GET /reboot HTTP/1.1" + host + "X: y\r\n folded\r\n\r\n", 400},
      {"GET /reboot HTTP/1.1" + host + "X: a\x01z\r\n\r\n", 400},
      {"GET /reboot HTTP/1.1" + host + "Host: evil.example\r\n\r\n", 400},
      {"GET /reboot HTTP/1.1\r\n\r\n", 400},
      {"GET /reboot HTTP/1.0\r\n\r\n", 302},
  };
  for (const auto& row : table) {
    SetupNetwork world;
    EXPECT_EQ(world.raw(row.text).status, row.status) << row.text;
    EXPECT_EQ(world.device.changes(), 0) << row.text;
  }
}

TEST(Portal, WhatIsUnusualIsRead) {
  SetupNetwork world;
  // Lines without CR, a name that is nobody's and long, chunks with all that chunks may have.
  EXPECT_EQ(world.raw("GET /board_info.json HTTP/1.1\nHost: 192.168.4.1\n" + std::string(100, 'X') + ": y\nX:\n\n").status, 200);
  const std::string half = kSound.substr(0, 10), rest = kSound.substr(10);
  char size[8];
  snprintf(size, sizeof size, "%zX", rest.size());
  const std::string chunked = "POST /config" + kHead + kAsForm + "\r\nTransfer-Encoding: Chunked\r\n\r\na;x=y\r\n" + half + "\r\n000" + size + "\n" + rest +
                              "\r\n0;z\r\nTrailer: x\r\n\r\n";
  EXPECT_EQ(world.raw(chunked).status, 200);
  EXPECT_EQ(world.raw(chunked, 1).status, 200);
  EXPECT_EQ(world.raw("POST /config" + kHead + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n").status, 500);
  EXPECT_EQ(world.raw("POST /reset" + kHead + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nxx").status, 200);
  // curl waits for leave.
  auto phone = world.call("POST /config" + kHead + kAsForm + "\r\nExpect: 100-continue\r\nContent-Length: " + std::to_string(kSound.size()) + "\r\n\r\n");
  world.pass(10);
  EXPECT_EQ(phone->out, "HTTP/1.1 100 Continue\r\n\r\n");
  phone->in += kSound;
  phone->out.clear();
  world.pass(20);
  EXPECT_EQ(parse(phone->out).status, 200);
}

TEST(Portal, StalledClientsHoldNobodyUp) {
  for (const std::string& text : {std::string(), std::string("GET /boa"), "POST /config" + kHead + "Content-Length: 500\r\n\r\nssid="}) {
    SetupNetwork world;
    std::vector<std::shared_ptr<Phone>> stalled;
    for (int i = 0; i < 20; i++) stalled.push_back(world.call(text));
    auto phone = world.call(request("GET", "/board_info.json", "", {}));
    world.pass(6000);
    EXPECT_EQ(parse(phone->out).status, 200) << text;
    // All of them are ended, in the end.
    world.pass(20000);
    for (const auto& each : stalled) EXPECT_TRUE(each->dropped);
    EXPECT_EQ(world.device.changes(), 0);
  }
}

TEST(Portal, SlowClientsAreServedWhileNobodyWaits) {
  SetupNetwork world;
  auto slow = world.call(request("POST", "/config", kSound, {kAsForm}));
  slow->pace = 0;
  for (size_t i = 0; i < slow->in.size() && !slow->dropped; i++) {
    slow->pace = 1;
    world.portal.tick(world.now);
    slow->pace = 0;
    world.pass(20);
  }
  world.pass(20);
  EXPECT_EQ(parse(slow->out).status, 200);
  // A byte now and then is no request.
  auto slower = world.call("GET / HTTP/1.1\r\n" + std::string(1000, 'x'));
  slower->pace = 0;
  for (int i = 0; i < 11; i++) {
    slower->pace = i % 2 == 0 ? 1 : 0;
    world.portal.tick(world.now);
    slower->pace = 0;
    world.pass(1000);
  }
  EXPECT_TRUE(slower->dropped);
}

TEST(Portal, WhoSaidNothingMakesRoomFirst) {
  SetupNetwork world;
  auto asking = world.call("GET /board_info");
  world.pass(10);
  std::vector<std::shared_ptr<Phone>> ahead;  // as browsers open connections
  for (int i = 0; i < 3; i++) ahead.push_back(world.call(""));
  world.pass(1020);
  EXPECT_FALSE(asking->dropped);
  EXPECT_EQ(std::count_if(ahead.begin(), ahead.end(), [](const auto& each) { return each->dropped; }), 1);
  asking->in += ".json HTTP/1.1\r\nHost: 192.168.4.1\r\n\r\n";
  world.pass(20);
  EXPECT_EQ(parse(asking->out).status, 200);
}

TEST(Portal, WhoTakesNothingOfAnAnswerIsLeft) {
  SetupNetwork world;
  auto phone = world.call(request("GET", "/", "", {"Accept-Encoding: gzip"}));
  phone->takes = 100;
  world.portal.tick(world.now);
  phone->takes = 0;
  world.pass(9000);
  EXPECT_FALSE(phone->dropped);
  world.pass(2000);
  EXPECT_TRUE(phone->dropped);
  // And makes room before, where others wait.
  std::vector<std::shared_ptr<Phone>> idle;
  for (int i = 0; i < 4; i++) {
    idle.push_back(world.call(request("GET", "/", "", {})));
    idle.back()->takes = 0;
  }
  auto waiting = world.call(request("GET", "/board_info.json", "", {}));
  world.pass(1200);
  EXPECT_EQ(parse(waiting->out).status, 200);
}

TEST(Portal, ClientsComeAndGo) {
  SetupNetwork world;
  for (int i = 0; i < 100; i++) {
    auto phone = world.call("GET / HTTP/1.1\r\n");
    phone->hangsUp = true;
  }
  world.pass(500);
  EXPECT_EQ(world.ask("GET", "/board_info.json").status, 200);
  // Who hangs up early while it is listened to is let go at once.
  auto phone = world.call("\x16garbage" + std::string(2000, 'x'));
  phone->hangsUp = true;
  world.pass(50);
  EXPECT_TRUE(phone->dropped);
  EXPECT_EQ(parse(phone->out).status, 400);
}

TEST(Portal, NothingIsHeardWhileItIsClosed) {
  SetupNetwork world(false);
  world.portal.tick(0);
  world.portal.close();
  world.sockets.opens = false;
  EXPECT_FALSE(world.portal.open());
  auto phone = world.call(request("GET", "/", "", {}));
  world.pass(20);
  EXPECT_TRUE(phone->out.empty());
  world.sockets.opens = true;
  ASSERT_TRUE(world.portal.open());
  world.pass(20);
  EXPECT_EQ(parse(phone->out).status, 200);
}

TEST(Portal, NamesLeadToIt) {
  SetupNetwork world;
  const std::string query("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01" "a\x00\x00\x01\x00\x01", 19);
  world.sockets.questions = {"x", query, std::string(600, 'x'), query};
  world.pass(10);
  ASSERT_EQ(world.sockets.answers.size(), 2u);
  EXPECT_EQ(world.sockets.answers[0].substr(world.sockets.answers[0].size() - 4), std::string("\xC0\xA8\x04\x01", 4));
}

}  // namespace
