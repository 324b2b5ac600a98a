// A configuration as it comes in: by a query, a form or JSON, byte by byte. It holds
// one configuration and nothing twice, so what is given in two ways is kept in the
// way that counts: ssid_hex before ssidManual before ssid, pass_hex before pass.
#pragma once

#include "../Text/Digits.h"
#include "../Text/Json.h"
#include "ShortCode.h"

namespace tendril {

// What a request may be refused for; the parameters in the order of their names in
// Draft.cpp. In a form the first of a name counts, in JSON the last.
enum class Parameter : uint8_t {
  Interface, Ssid, Manual, SsidHex, Password, PasswordHex, Token, Host, Port, TlsPort,
  Ip, Mask, Gateway, Dns, Dns2, Save,
  ContentType, Query, Body, None,
};

// The parameter of a name; None if there is none.
Parameter parameterOf(Text name);
// A parameter's name, as in a request and in an answer's field.
void putName(Writer& w, Parameter parameter);

class Draft : private JsonMembers {
 public:
  // Either is plain text, which pages may send without asking first: JSON if a brace
  // comes first, else a form.
  enum class Kind : uint8_t { Form, Json, Either };

  // Begins anew.
  void begin(Kind kind);
  void push(char c);
  // Checks what came; None if it is sound, else what is refused, as Go's portal
  // refuses it. A short code becomes its token. With tokenKnown it may come without a
  // token, which is empty then.
  Parameter finish(Board& board, bool tokenKnown = false);

  const Configuration& configuration() const { return configuration_; }
  // Whether it was asked to save without a try.
  bool save() const { return save_; }
  // Overwrites all that was held.
  void wipe();

 private:
  // The parameters up to Save that something is true of.
  class Set {
   public:
    bool has(Parameter p) const { return (bits_ >> static_cast<uint8_t>(p) & 1) != 0; }
    void add(Parameter p) { bits_ = static_cast<uint16_t>(bits_ | 1u << static_cast<uint8_t>(p)); }
    void remove(Parameter p) { bits_ = static_cast<uint16_t>(bits_ & ~(1u << static_cast<uint8_t>(p))); }

   private:
    uint16_t bits_ = 0;
  };

  void form(char c);
  void beginName() override;
  void nameByte(char c) override;
  void beginValue() override;
  void valueByte(char c) override;
  void endValue() override;
  void nestedValue() override;

  // What is given in one of several ways has a place of its own, Ssid, Password, Token or
  // Host; each of them is followed by its other ways, of which the last counts most.
  static bool hasPlace(Parameter p) { return p >= Parameter::Ssid && p <= Parameter::Host; }
  static Parameter placeOf(Parameter p);
  void empty(Parameter place, Parameter way);
  TENDRIL_ONCE void take(char c);
  TENDRIL_ONCE bool hexByte(char& c);
  void parsePort(uint16_t& port);
  TENDRIL_ONCE void parsePart();
  Parameter firstBad(Parameter from, Parameter to) const;
  TENDRIL_ONCE Parameter checkStatic() const;
  TENDRIL_ONCE Parameter check(Board& board, bool tokenKnown);

  Configuration configuration_;
  bool save_ = false;
  Field<11> name_;
  Field<18> small_;  // a value that is neither name, password, token nor host
  Set seen_, given_, bad_, long_;
  Parameter current_ = Parameter::None;  // whose value comes; None: nobody's
  Parameter nested_ = Parameter::None;
  // By their places, the ways that they were given in so far; Interface: in none.
  Parameter best_[static_cast<size_t>(Parameter::Host) + 1] = {};
  int8_t half_ = -1;                         // of a byte in hexadecimal digits
  Kind kind_ = Kind::Form;
  bool inName_ = true, any_ = false, broken_ = false;
  Percent percent_;
  JsonReader json_;
};

}  // namespace tendril
