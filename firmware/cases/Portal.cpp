#include "Case.h"
#include "Pbkdf2.h"
#include "Tendril/Portal/Draft.h"
#include "Tendril/Portal/Guard.h"
#include "Tendril/Portal/Names.h"
#include "Tendril/Portal/SetupName.h"
#include "tables/Code.h"
#include "tables/Portal.h"
#include "tables/Ssid.h"

using namespace tendril;

namespace {

// A board that only derives keys, in as many rounds as it is asked for or, where they
// are slow, in none.
class Deriving : public Board {
 public:
  explicit Deriving(bool really = false) : really_(really) {}
  int derived = 0;

  uint32_t random() override { return 0; }
  void restart() override {}
  const char* resetReason() override { return "power"; }
  bool buttonHeld() override { return false; }
  void light(uint8_t) override {}
  void pbkdf2(Text password, Text salt, uint16_t rounds, uint8_t* into, size_t size) override {
    derived++;
    CHECK_EQ(rounds, 1024);
    cases::pbkdf2(password, salt, really_ ? rounds : 1, into, size);
  }
  void log(Text) override {}

 private:
  bool really_;
};

Parameter read(Draft& draft, Draft::Kind kind, Text body) {
  Deriving board;
  draft.begin(kind);
  for (size_t i = 0; i < body.size; i++) draft.push(body[i]);
  return draft.finish(board);
}

Parameter form(Text body) {
  Draft draft;
  return read(draft, Draft::Kind::Form, body);
}

bool isNamed(Parameter parameter, Text name) {
  if (parameter == Parameter::None) return name.empty();
  char buffer[16];
  Writer w(buffer, sizeof buffer);
  putName(w, parameter);
  return w.text() == name;
}

#define TOKEN "abcdefghijklmnopqrstuvwxyz-_0123"
#define SOUND "ssid=Home&blynk=" TOKEN

}  // namespace

CASE(portal_table) {
  for (const tables::PortalRow& row : tables::kPortal) {
    Draft draft;
    const Parameter refused = read(draft, row.json ? Draft::Kind::Json : Draft::Kind::Form, row.body);
    CHECK(isNamed(refused, row.refused));
    if (refused == Parameter::None) {
      CHECK(draft.configuration().ssid.text() == row.ssid);
      if (!row.password.empty()) CHECK(draft.configuration().password.text() == row.password);
    }
    // As plain text, either is told from the other.
    CHECK(read(draft, Draft::Kind::Either, row.body) == refused || row.body[0] == '[');
  }
}

CASE(every_parameter_of_a_form) {
  Draft draft;
  const Text all =
      "if=wifi&ssid=Home&pass=secret-pass&blynk=" TOKEN
      "&host=cloud.example&port=8080&port_ssl=9443&ip=192.168.1.9&mask=255.255.255.0&gw=192.168.1.1&dns=9.9.9.9&dns2=1.1.1.1&save=1&unknown=x&ssidManualX=y&";
  CHECK(read(draft, Draft::Kind::Form, all) == Parameter::None);
  const Configuration& c = draft.configuration();
  CHECK(c.ssid.text() == Text("Home") && !c.hidden && c.password.text() == Text("secret-pass") && c.token.text() == Text(TOKEN));
  CHECK(c.host.text() == Text("cloud.example") && draft.save());
  CHECK_EQ(c.port, 8080);
  CHECK_EQ(c.tlsPort, 9443);
  CHECK(c.hasStatic && c.fixed.ip == (Address{{192, 168, 1, 9}}) && c.fixed.mask == (Address{{255, 255, 255, 0}}));
  CHECK(c.fixed.gateway == (Address{{192, 168, 1, 1}}) && c.fixed.dns == (Address{{9, 9, 9, 9}}) && c.fixed.dns2 == (Address{{1, 1, 1, 1}}));
  draft.wipe();
  CHECK(c.ssid.empty() && c.password.empty() && c.token.empty() && c.host.empty());
}

CASE(of_several_ways_one_counts) {
  Draft draft;
  const auto ssidOf = [&](Draft::Kind kind, Text body) {
    return read(draft, kind, body) == Parameter::None ? draft.configuration().ssid.text() : Text("refused");
  };
  const Draft::Kind form = Draft::Kind::Form, json = Draft::Kind::Json;
  CHECK(ssidOf(form, "blynk=" TOKEN "&ssid=a&ssidManual=b&ssid_hex=63") == Text("c"));
  CHECK(ssidOf(form, "blynk=" TOKEN "&ssid_hex=63&ssidManual=b&ssid=a") == Text("c"));
  CHECK(draft.configuration().hidden);
  CHECK(ssidOf(form, "blynk=" TOKEN "&ssidManual=b&ssid=a&ssid_hex=") == Text("b"));
  CHECK(ssidOf(form, "blynk=" TOKEN "&ssid=a&ssidManual=&ssid_hex=") == Text("a"));
  CHECK(!draft.configuration().hidden);
  // The first of a form, the last of JSON.
  CHECK(ssidOf(form, "blynk=" TOKEN "&ssid=a&ssid=b") == Text("a"));
  CHECK(ssidOf(json, "{\"blynk\":\"" TOKEN "\",\"ssid\":\"a\",\"ssid\":\"b\"}") == Text("b"));
  CHECK(ssidOf(json, "{\"blynk\":\"" TOKEN "\",\"ssid\":\"a\",\"ssid\":\"\"}") == Text("refused"));
  // One too long is forgotten for a better one.
  CHECK(ssidOf(form, "blynk=" TOKEN "&ssid=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx&ssidManual=b") == Text("b"));
  CHECK(ssidOf(form, "blynk=" TOKEN "&ssidManual=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx&ssid=b") == Text("refused"));
  CHECK(ssidOf(json, "{\"blynk\":\"" TOKEN "\",\"ssid\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",\"ssid\":\"b\"}") == Text("b"));
  CHECK(ssidOf(form, "ssid=a&blynk=" TOKEN "&pass_hex=3132333435363738&pass=short") == Text("a"));
  CHECK(draft.configuration().password.text() == Text("12345678"));
  CHECK(ssidOf(json, "{\"blynk\":\"" TOKEN "\",\"ssid\":\"a\",\"pass\":\"short\",\"pass\":\"\"}") == Text("a"));
}

CASE(what_go_refuses_is_refused) {
  static const struct {
    Text body;
    Text field;
  } table[] = {
      {"", "ssid"}, {"&&", "ssid"}, {"ssid", "ssid"}, {"=x", "ssid"}, {SOUND, ""}, {"&" SOUND "&&", ""},
      {SOUND "&x=%zz", "query"}, {SOUND "&%zz=x", "query"}, {SOUND "&x=%4", "query"}, {SOUND "&%=x", "query"}, {SOUND "&x=%4&y=1", "query"}, {SOUND ";x=1", "query"},
      {"ssid=%4", "query"}, {"if=&" SOUND, ""}, {"if=eth&ssid=&ssid_hex=z", "if"}, {SOUND "&ssid_hex=zz&pass_hex=z", "ssid_hex"}, {SOUND "&pass_hex=3", "pass_hex"},
      {SOUND "&port=0&port_ssl=", ""}, {SOUND "&port=65535", ""}, {SOUND "&port=+80", "port"}, {SOUND "&port=8%30", ""}, {SOUND "&port=1.5", "port"},
      {SOUND "&port=99999999999999999999999999", "port"}, {SOUND "&port=4294967376", "port"}, {SOUND "&port_ssl=x", "port_ssl"},
      {SOUND "&ip=0.0.0.0&mask=x", ""}, {SOUND "&mask=x&gw=y&dns=z", ""}, {SOUND "&ip=x", "ip"}, {SOUND "&ip=1.2.3", "ip"}, {SOUND "&ip=1.2.3.256", "ip"},
      {SOUND "&ip=1.2.3.04", "ip"}, {SOUND "&ip=1.2.3.4.5", "ip"}, {SOUND "&ip=1..3.4", "ip"}, {SOUND "&ip=1.2.3.4", "mask"},
      {SOUND "&ip=1.2.3.4&mask=255.0.0.0", "gw"}, {SOUND "&ip=1.2.3.4&mask=0.0.0.0&gw=1.2.3.1", ""}, {SOUND "&ip=1.2.3.4&mask=255.0.0.0&gw=1.2.3.1&dns=x", "dns"},
      {SOUND "&ip=1.2.3.4&mask=255.0.0.0&gw=1.2.3.1&dns=0.0.0.0&dns2=x", "dns2"}, {SOUND "&ip=111.111.111.1111111111", "ip"},
      {SOUND "&save=true", ""}, {SOUND "&save=false", ""}, {SOUND "&save=2", "save"}, {"ssid=a%00b&save=2", "save"}, {"ssid=a%00b&pass=x", "ssid"},
      {"ssid=a&pass=12345&blynk=" TOKEN, ""}, {"ssid=a&pass=123456&blynk=" TOKEN, "pass"}, {"ssid=a&blynk=" TOKEN "x", "blynk"}, {"ssid=a&blynk=K7QF-3M2P-XW9T", ""},
      {"ssid=a&blynk=K7QF-3M2P-XW9U", "blynk"}, {"ssid=a&blynk=K7QF-3M2P-XW9T&host=a%20b", "host"}, {SOUND "&host=a%7Fb", "host"}, {SOUND "&host=%C3%A4", "host"}, {SOUND "&host=~", ""},
  };
  for (const auto& row : table) CHECK(isNamed(form(row.body), row.field));
}

CASE(bodies_of_other_kinds) {
  Draft draft;
  CHECK(read(draft, Draft::Kind::Either, "") == Parameter::Ssid);
  CHECK(read(draft, Draft::Kind::Either, "  \r\n\t") == Parameter::Ssid);
  CHECK(read(draft, Draft::Kind::Either, " " SOUND) == Parameter::Ssid);
  CHECK(read(draft, Draft::Kind::Either, " &" SOUND) == Parameter::None);
  CHECK(read(draft, Draft::Kind::Either, " \n{\"ssid\":\"Home\",\"blynk\":\"" TOKEN "\"} ") == Parameter::None);
  CHECK(read(draft, Draft::Kind::Json, "") == Parameter::Body);
  CHECK(read(draft, Draft::Kind::Json, "{\"ssid\":\"a\",\"x\":{}}") == Parameter::Body);
  CHECK(read(draft, Draft::Kind::Json, "{\"ssid\":\"a\",\"host\":[]}") == Parameter::Host);
  CHECK(read(draft, Draft::Kind::Json, "{\"ssid\":\"a\",\"host\":[}") == Parameter::Body);
  CHECK(read(draft, Draft::Kind::Json, "{\"ssid\":\"Home\",\"blynk\":\"" TOKEN "\",\"port\":80,\"save\":true,\"host\":null,\"ip\":false}") == Parameter::Ip);
  CHECK(read(draft, Draft::Kind::Json, "{\"ssid\":\"Home\",\"blynk\":\"" TOKEN "\",\"port\":80,\"save\":true,\"host\":null}") == Parameter::None);
  CHECK(draft.save() && draft.configuration().port == 80);
}

CASE(short_codes_are_read) {
  for (const tables::CodeRow& row : tables::kCodes) {
    Field<kShortCode> code;
    CHECK_EQ(parseShortCode(row.written, code), !row.token.empty());
  }
  Deriving board(true);
  Field<kShortCode> code;
  Field<kTokenSize> token;
  CHECK(parseShortCode(tables::kCodes[0].written, code));
  tokenOf(code, board, token);
  CHECK(token.text() == tables::kCodes[0].token);
  CHECK_EQ(board.derived, 1);
}

CASE(setup_names) {
  for (const tables::NameRow& row : tables::kNames) CHECK(setupSsid(row.vendor, row.name, row.suffix).text() == row.ssid);
  for (const tables::UnitRow& row : tables::kUnits) {
    CHECK(unitSuffix(reinterpret_cast<const uint8_t*>(row.mac.data)).text() == row.suffix);
  }
  CHECK(setupSsid(" ", "\t", "").empty());
  CHECK(setupSsid("", "", "AB2Z").text() == Text("-AB2Z"));
  CHECK(setupSsid("vvvvvvvvvvvvvvvvvvvvvvvvvvvvvv", "n", "").text() == Text("vvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"));
  CHECK_EQ(setupSsid("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", "", "").size(), 0);
}

CASE(who_may_ask) {
  const char* const wizards[] = {"https://wizard.example", "http://127.0.0.1:8080"};
  const Site setup{{{192, 168, 4, 1}}, 80, wizards, 2}, desk{{{127, 0, 0, 1}}, 8000, wizards, 2};
  static const struct {
    const char* host;
    bool onSetup, onDesk;
  } hosts[] = {
      {"192.168.4.1", true, true}, {"192.168.4.1:80", true, true}, {"blynk.setup", true, true}, {"Blynk.SETUP:80", true, true}, {"127.0.0.1", false, true},
      {"127.0.0.1:8000", false, true}, {"localhost:8000", false, true}, {"LocalHost", false, true}, {"[::1]:8000", false, false}, {"[::1]", false, false},
      {"192.168.4.1:8000", false, true}, {"127.9.9.9", false, true},
      {"", false, false}, {":", false, false}, {":80", false, false}, {"192.168.4.1:", false, false}, {"192.168.4.1:81", false, false}, {"192.168.4.1:080", false, false},
      {"192.168.4.1:80:80", false, false}, {"192.168.4.1.evil.example", false, false}, {"192.168.4.2", false, false}, {"10.0.0.1", false, false},
      {"captive.apple.com", false, false}, {"blynk.setup.", false, false},
      {"192.168.4.1:99999", false, false}, {"192.168.4.1:65616", false, false}, {"192.168.4.1:8x", false, false},
  };
  for (const auto& row : hosts) {
    CHECK_EQ(ownHost(setup, row.host), row.onSetup);
    CHECK_EQ(ownHost(desk, row.host), row.onDesk);
  }
  static const struct {
    const char* origin;
    bool own;
    uint8_t wizard;
  } origins[] = {
      {"http://192.168.4.1", true, kNoWizard}, {"HTTP://Blynk.Setup/", true, kNoWizard}, {"http://192.168.4.1:80/x?y#z", true, kNoWizard},
      {"http://192.168.4.1?http://evil.example", true, kNoWizard}, {"https://wizard.example", true, 0}, {"http://127.0.0.1:8080", true, 1},
      {"HTTPS://wizard.example/page?x=1", true, kNoWizard},
      {"", false, kNoWizard}, {"null", false, kNoWizard}, {"x", false, kNoWizard}, {"http:", false, kNoWizard}, {"http://", false, kNoWizard}, {"http:///", false, kNoWizard},
      {"https://192.168.4.1", false, kNoWizard}, {"http://192.168.4.1@evil.example/", false, kNoWizard}, {"http://192.168.4.1.evil.example", false, kNoWizard},
      {"https://wizard.example.evil.example", false, kNoWizard}, {"https://wizard.exampl", false, kNoWizard}, {"https://wizard.example:1", false, kNoWizard},
      {"http://wizard.example", false, kNoWizard}, {"https://Wizard.example", false, kNoWizard}, {"https://evil.example/https://wizard.example", false, kNoWizard},
      {"https:/wizard.example", false, kNoWizard}, {"//wizard.example", false, kNoWizard},
  };
  for (const auto& row : origins) {
    CHECK_EQ(ownOrigin(setup, row.origin), row.own);
    CHECK_EQ(wizardOf(setup, row.origin), row.wizard);
  }
}

namespace {

const Address kPortal{{192, 168, 4, 1}};

// Answers the question in bytes, in a buffer as long as a question may be.
size_t answered(Text question, uint8_t* into) {
  memcpy(into, question.data, question.size);
  return answerName(into, question.size, kPortal);
}

#define HEADER "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define NAME "\x01" "a\x07" "example\x00"
#define BYTES(literal) Text(literal, sizeof(literal) - 1)

}  // namespace

CASE(every_name_is_the_portals) {
  uint8_t message[kMaxQuestion];
  const Text query = BYTES(HEADER NAME "\x00\x01\x00\x01");
  const Text want = BYTES("\x12\x34\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00" NAME "\x00\x01\x00\x01\xC0\x0C\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\xC0\xA8\x04\x01");
  CHECK_EQ(answered(query, message), want.size);
  CHECK(memcmp(message, want.data, want.size) == 0);
  // Any type, the root, EDNS behind; then what there is none of.
  CHECK_EQ(answered(BYTES(HEADER NAME "\x00\xFF\x00\x01"), message), want.size);
  CHECK_EQ(answered(BYTES(HEADER "\x00\x00\x01\x00\x01"), message), 12 + 5 + 15);
  CHECK_EQ(answered(BYTES("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" NAME "\x00\x01\x00\x01\x00\x00\x29\x04\xD0\x00\x00\x00\x00\x00\x00"), message), want.size);
  CHECK_EQ(answered(BYTES(HEADER NAME "\x00\x1C\x00\x01"), message), query.size);
  CHECK_EQ(message[7], 0);
  CHECK_EQ(answered(BYTES(HEADER NAME "\x00\x01\x00\x03"), message), query.size);
}

CASE(what_is_no_question_is_dropped) {
  uint8_t message[kMaxQuestion + 1] = {};
  const Text sound = BYTES(HEADER NAME "\x00\x01\x00\x01");
  for (size_t n = 0; n < sound.size; n++) CHECK_EQ(answered(sound.first(n), message), 0);
  static const Text dropped[] = {
      BYTES("\x12\x34\x81\x00\x00\x01\x00\x00\x00\x00\x00\x00" NAME "\x00\x01\x00\x01"),                                  // an answer
      BYTES("\x12\x34\x29\x00\x00\x01\x00\x00\x00\x00\x00\x00" NAME "\x00\x01\x00\x01"),                                  // an update
      BYTES("\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"),                                                          // no question
      BYTES("\x12\x34\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00" NAME "\x00\x01\x00\x01" NAME "\x00\x01\x00\x01"),          // two
      BYTES("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" NAME "\x00\x01\x00\x01"),                                  // a record that isn't there
      BYTES("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" NAME "\x00\x01\x00\x01\x00\x00\x29\x04\xD0\x00\x00\x00\x00\x00\x09x"),  // half of one
      BYTES(HEADER "\xC0\x0C\x00\x01\x00\x01"),                                                                           // a name that points to itself
      BYTES(HEADER "\x40" "a\x00\x00\x01\x00\x01"),                                                                       // no label
      BYTES("GET / HTTP/1.1\r\nHost: 192.168.4.1\r\n\r\n"),
  };
  for (const Text& query : dropped) CHECK_EQ(answered(query, message), 0);
  CHECK_EQ(answerName(message, kMaxQuestion + 1, kPortal), 0);
  // A name of more than 255 bytes.
  memcpy(message, HEADER, 12);
  size_t at = 12;
  for (int label = 0; label < 5; label++) {
    message[at] = 60;
    memset(message + at + 1, 'x', 60);
    at += 61;
  }
  memcpy(message + at, "\x00\x00\x01\x00\x01", 5);
  CHECK_EQ(answerName(message, at + 5, kPortal), 0);
}
