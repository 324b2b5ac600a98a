#include "Draft.h"

#include "../Protocol/Frame.h"
#include "../Text/Lines.h"
#include "Guard.h"

namespace tendril {

namespace {

// In the order of Parameter.
TENDRIL_ROM_TEXT(kNames,
                 "if\nssid\nssidManual\nssid_hex\npass\npass_hex\nblynk\nhost\nport\nport_ssl\n"
                 "ip\nmask\ngw\ndns\ndns2\nsave\nContent-Type\nquery\nbody");

// What came, or one byte more than may come where it was too long: a field has that
// byte.
template <size_t N>
Text came(const Field<N>& field, bool tooLong) {
  return Text(field.text().data, field.size() + (tooLong ? 1u : 0u));
}

}  // namespace

Parameter parameterOf(Text name) {
  const uint8_t line = lineOf(kNames, name);
  return line <= static_cast<uint8_t>(Parameter::Save) ? static_cast<Parameter>(line) : Parameter::None;
}

void putName(Writer& w, Parameter parameter) { putLine(w, kNames, static_cast<uint8_t>(parameter)); }

void Draft::begin(Kind kind) {
  wipe();
  configuration_.hidden = configuration_.hasStatic = save_ = false;
  configuration_.port = configuration_.tlsPort = 0;
  configuration_.fixed = StaticAddress();
  name_.clear();
  seen_ = given_ = bad_ = long_ = Set();
  current_ = nested_ = Parameter::None;
  memset(best_, 0, sizeof best_);
  half_ = -1;
  kind_ = kind;
  inName_ = true;
  any_ = broken_ = false;
  percent_ = Percent();
  json_ = JsonReader();
}

void Draft::wipe() {
  configuration_.ssid.wipe();
  configuration_.password.wipe();
  configuration_.token.wipe();
  configuration_.host.wipe();
  small_.wipe();
}

void Draft::push(char c) {
  if (kind_ == Kind::Either) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      name_.push(c);  // of a form, it is in the way of the first name
      any_ = true;
      return;
    }
    kind_ = c == '{' ? Kind::Json : Kind::Form;
  }
  if (kind_ == Kind::Form) {
    form(c);
  } else if (!broken_) {
    broken_ = !json_.push(c, *this);
  }
}

void Draft::form(char c) {
  if (c == '&' || (c == '=' && inName_)) {
    broken_ = broken_ || !percent_.whole();
    percent_ = Percent();
    if (c == '=') {
      inName_ = false;
      any_ = true;
      beginValue();
      return;
    }
    if (inName_ && any_) beginValue();
    if (any_) endValue();
    name_.clear();
    inName_ = true;
    any_ = false;
    return;
  }
  any_ = true;
  if (c == ';') broken_ = true;  // it once stood for &, and is refused lest somebody reads it so
  switch (percent_.push(c)) {
    case Percent::Got::Broken:
      broken_ = true;
      percent_ = Percent();
      return;
    case Percent::Got::More:
      return;
    case Percent::Got::Byte:
      if (inName_) {
        nameByte(c);
      } else {
        valueByte(c);
      }
  }
}

void Draft::beginName() { name_.clear(); }

// One that is too long is cut, and still longer than any that counts.
void Draft::nameByte(char c) { name_.push(c); }

void Draft::beginValue() {
  current_ = parameterOf(name_.text());
  half_ = -1;
  small_.clear();
  if (current_ == Parameter::None) return;
  if (kind_ == Kind::Form && seen_.has(current_)) {
    current_ = Parameter::None;
    return;
  }
  seen_.add(current_);
  given_.remove(current_);
  bad_.remove(current_);
  if (current_ == Parameter::Manual) configuration_.hidden = false;
  if (!hasPlace(current_)) return;
  // JSON gives something in the same way again: what was given before counts no more.
  const Parameter place = placeOf(current_);
  if (best_[static_cast<size_t>(place)] == current_) empty(place, Parameter::Interface);
}

Parameter Draft::placeOf(Parameter p) {
  if (p <= Parameter::SsidHex) return Parameter::Ssid;
  return p <= Parameter::PasswordHex ? Parameter::Password : p;
}

// Makes room for what is given in this way.
void Draft::empty(Parameter place, Parameter way) {
  best_[static_cast<size_t>(place)] = way;
  long_.remove(place);
  if (place == Parameter::Ssid) {
    configuration_.ssid.clear();
  } else if (place == Parameter::Password) {
    configuration_.password.clear();
  } else if (place == Parameter::Token) {
    configuration_.token.clear();
  } else {
    configuration_.host.clear();
  }
}

// Takes a byte of what is given in several ways, of which the highest counts; a way
// that is empty counts for nothing.
void Draft::take(char c) {
  const Parameter place = placeOf(current_), best = best_[static_cast<size_t>(place)];
  if (current_ < best) return;
  if (current_ > best) empty(place, current_);
  Configuration& into = configuration_;
  const bool fits = place == Parameter::Ssid       ? into.ssid.push(c)
                    : place == Parameter::Password ? into.password.push(c)
                    : place == Parameter::Token    ? into.token.push(c)
                                                   : into.host.push(c);
  if (!fits) long_.add(place);
}

// Takes a digit; true once it has made a byte of c.
bool Draft::hexByte(char& c) {
  const int8_t digit = hexDigit(c);
  if (digit < 0) {
    bad_.add(current_);
    return false;
  }
  if (half_ < 0) {
    half_ = digit;
    return false;
  }
  c = static_cast<char>(half_ << 4 | digit);
  half_ = -1;
  return true;
}

void Draft::valueByte(char c) {
  if (current_ == Parameter::None) return;
  if (!hasPlace(current_)) {
    given_.add(current_);
    if (!small_.push(c)) bad_.add(current_);
    return;
  }
  if (current_ == Parameter::Manual) configuration_.hidden = true;
  const bool hex = current_ == Parameter::SsidHex || current_ == Parameter::PasswordHex;
  if (!hex || hexByte(c)) take(c);
}

void Draft::endValue() {
  const Text text = small_.text();
  if (half_ >= 0) bad_.add(current_);
  if (current_ == Parameter::Interface) {
    if (given_.has(current_) && text != Text("wifi")) bad_.add(current_);
  } else if (current_ == Parameter::Port) {
    parsePort(configuration_.port);
  } else if (current_ == Parameter::TlsPort) {
    parsePort(configuration_.tlsPort);
  } else if (current_ >= Parameter::Ip && current_ <= Parameter::Dns2) {
    parsePart();
  } else if (current_ == Parameter::Save) {
    save_ = text == Text("1") || text == Text("true");
    if (!save_ && !text.empty() && text != Text("0") && text != Text("false")) bad_.add(current_);
  }
  current_ = Parameter::None;
}

void Draft::nestedValue() {
  const Parameter name = parameterOf(name_.text());
  nested_ = name == Parameter::None ? Parameter::Body : name;
}

void Draft::parsePort(uint16_t& port) {
  uint32_t value = 0;
  if (!small_.empty() && !parseNumber(small_.text(), UINT16_MAX, value)) bad_.add(current_);
  port = static_cast<uint16_t>(value);
}

void Draft::parsePart() {
  Address address;
  if (given_.has(current_) && !parseAddress(small_.text(), address)) bad_.add(current_);
  const size_t part = static_cast<size_t>(current_) - static_cast<size_t>(Parameter::Ip);
  memcpy(reinterpret_cast<uint8_t*>(&configuration_.fixed) + part * sizeof address, &address, sizeof address);
}

Parameter Draft::finish(Board& board, bool tokenKnown) {
  if (kind_ == Kind::Json) {
    if (broken_ || !json_.done()) return Parameter::Body;
    if (nested_ != Parameter::None) return nested_;
  } else {
    kind_ = Kind::Form;
    form('&');  // ends the last of them
    if (broken_) return Parameter::Query;
  }
  return check(board, tokenKnown);
}

Parameter Draft::firstBad(Parameter from, Parameter to) const {
  for (uint8_t p = static_cast<uint8_t>(from); p <= static_cast<uint8_t>(to); p++) {
    if (bad_.has(static_cast<Parameter>(p))) return static_cast<Parameter>(p);
  }
  return Parameter::None;
}

// Go looks at everything in this order, and names the first that is wrong.
Parameter Draft::check(Board& board, bool tokenKnown) {
  Parameter bad = firstBad(Parameter::Interface, Parameter::TlsPort);
  if (bad != Parameter::None) return bad;
  configuration_.hasStatic = bad_.has(Parameter::Ip) || !configuration_.fixed.ip.isNone();
  if (configuration_.hasStatic) {
    bad = checkStatic();
    if (bad != Parameter::None) return bad;
  } else {
    configuration_.fixed = StaticAddress();
  }
  if (bad_.has(Parameter::Save)) return Parameter::Save;

  constexpr Text kAnyToken("00000000000000000000000000000000", kTokenSize);
  const Text ssid = came(configuration_.ssid, long_.has(Parameter::Ssid)), password = came(configuration_.password, long_.has(Parameter::Password));
  const Text host = came(configuration_.host, long_.has(Parameter::Host));
  Text token = came(configuration_.token, long_.has(Parameter::Token));
  if (tokenKnown && token.empty()) token = kAnyToken;
  Field<kShortCode> code;
  // A code takes long to expand: only where all else is sound.
  if (parseShortCode(token, code)) {
    if (unusable(ssid, password, kAnyToken, host) == nullptr) tokenOf(code, board, configuration_.token);
    token = kAnyToken;
  }
  code.wipe();
  const char* const field = unusable(ssid, password, token, host);
  return field == nullptr ? Parameter::None : parameterOf(field);
}

Parameter Draft::checkStatic() const {
  const Parameter bad = firstBad(Parameter::Ip, Parameter::Dns2);
  for (uint8_t p = static_cast<uint8_t>(Parameter::Ip); p <= static_cast<uint8_t>(Parameter::Gateway); p++) {
    const auto needed = static_cast<Parameter>(p);
    if (needed < bad && !given_.has(needed)) return needed;
  }
  return bad;
}

}  // namespace tendril
