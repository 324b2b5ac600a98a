#include "Draft.h"

#include "../Text/Lines.h"
#include "Guard.h"

namespace tendril {

namespace {

// In the order of Parameter.
TENDRIL_ROM_TEXT(kNames,
                 "if\nssid\nssid_hex\nssidManual\npass\npass_hex\nblynk\nhost\nport\nport_ssl\n"
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
  bestSsid_ = bestPassword_ = 0;
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
  switch (current_) {
    case Parameter::Ssid:
      return again(1, bestSsid_);
    case Parameter::Manual:
      configuration_.hidden = false;
      return again(2, bestSsid_);
    case Parameter::SsidHex:
      return again(3, bestSsid_);
    case Parameter::Password:
      return again(1, bestPassword_);
    case Parameter::PasswordHex:
      return again(2, bestPassword_);
    case Parameter::Token:
      long_.remove(current_);
      return configuration_.token.clear();
    case Parameter::Host:
      long_.remove(current_);
      return configuration_.host.clear();
    default:
      return;
  }
}

// JSON gives something in the same way again: what was given before counts no more.
void Draft::again(uint8_t way, uint8_t& best) {
  if (way != best) return;
  best = 0;
  if (&best == &bestSsid_) {
    long_.remove(Parameter::Ssid);
    configuration_.ssid.clear();
  } else {
    long_.remove(Parameter::Password);
    configuration_.password.clear();
  }
}

// Takes a byte of what is given in several ways, of which the highest counts; a way
// that is empty counts for nothing.
template <size_t N>
void Draft::take(char c, uint8_t way, uint8_t& best, Field<N>& into, Parameter kept) {
  if (way < best) return;
  if (way > best) {
    best = way;
    into.clear();
    long_.remove(kept);
  }
  if (!into.push(c)) long_.add(kept);
}

void Draft::hexByte(char c) {
  const int8_t digit = hexDigit(c);
  if (digit < 0) {
    bad_.add(current_);
    return;
  }
  if (half_ < 0) {
    half_ = digit;
    return;
  }
  const char byte = static_cast<char>(half_ << 4 | digit);
  half_ = -1;
  if (current_ == Parameter::SsidHex) {
    take(byte, 3, bestSsid_, configuration_.ssid, Parameter::Ssid);
  } else {
    take(byte, 2, bestPassword_, configuration_.password, Parameter::Password);
  }
}

void Draft::valueByte(char c) {
  switch (current_) {
    case Parameter::None:
      return;
    case Parameter::Ssid:
      return take(c, 1, bestSsid_, configuration_.ssid, Parameter::Ssid);
    case Parameter::Manual:
      configuration_.hidden = true;
      return take(c, 2, bestSsid_, configuration_.ssid, Parameter::Ssid);
    case Parameter::Password:
      return take(c, 1, bestPassword_, configuration_.password, Parameter::Password);
    case Parameter::SsidHex:
    case Parameter::PasswordHex:
      return hexByte(c);
    case Parameter::Token:
      if (!configuration_.token.push(c)) long_.add(current_);
      return;
    case Parameter::Host:
      if (!configuration_.host.push(c)) long_.add(current_);
      return;
    default:
      given_.add(current_);
      if (!small_.push(c)) bad_.add(current_);
  }
}

void Draft::endValue() {
  switch (current_) {
    case Parameter::SsidHex:
    case Parameter::PasswordHex:
      if (half_ >= 0) bad_.add(current_);
      break;
    case Parameter::Interface:
      if (given_.has(current_) && small_.text() != Text("wifi")) bad_.add(current_);
      break;
    case Parameter::Port:
      parsePort(configuration_.port);
      break;
    case Parameter::TlsPort:
      parsePort(configuration_.tlsPort);
      break;
    case Parameter::Ip:
    case Parameter::Mask:
    case Parameter::Gateway:
    case Parameter::Dns:
    case Parameter::Dns2:
      parsePart();
      break;
    case Parameter::Save: {
      const Text text = small_.text();
      save_ = text == Text("1") || text == Text("true");
      if (!save_ && !text.empty() && text != Text("0") && text != Text("false")) bad_.add(current_);
      break;
    }
    default:
      break;
  }
  current_ = Parameter::None;
}

void Draft::nestedValue() {
  const Parameter name = parameterOf(name_.text());
  nested_ = name == Parameter::None ? Parameter::Body : name;
}

void Draft::parsePort(uint16_t& port) {
  port = 0;
  uint32_t value = 0;
  const Text digits = small_.text();
  for (size_t i = 0; i < digits.size; i++) {
    const char c = digits[i];
    if (c < '0' || c > '9' || value > UINT16_MAX) {
      bad_.add(current_);
      return;
    }
    value = value * 10 + static_cast<uint32_t>(c - '0');
  }
  if (value > UINT16_MAX) {
    bad_.add(current_);
    return;
  }
  port = static_cast<uint16_t>(value);
}

void Draft::parsePart() {
  StaticAddress& fixed = configuration_.fixed;
  Address* const parts[] = {&fixed.ip, &fixed.mask, &fixed.gateway, &fixed.dns, &fixed.dns2};
  Address& address = *parts[static_cast<uint8_t>(current_) - static_cast<uint8_t>(Parameter::Ip)];
  address = Address();
  if (given_.has(current_) && !parseAddress(small_.text(), address)) bad_.add(current_);
}

Parameter Draft::finish(Board& board, bool tokenKnown) {
  if (kind_ == Kind::Json) {
    if (broken_ || !json_.done()) return Parameter::Body;
    if (nested_ != Parameter::None) return nested_;
    return check(board, tokenKnown);
  }
  kind_ = Kind::Form;
  form('&');  // ends the last of them
  return broken_ ? Parameter::Query : check(board, tokenKnown);
}

// Go looks at everything in this order, and names the first that is wrong.
Parameter Draft::check(Board& board, bool tokenKnown) {
  static constexpr Parameter kFirst[] = {Parameter::Interface, Parameter::SsidHex, Parameter::PasswordHex, Parameter::Port, Parameter::TlsPort};
  for (const Parameter p : kFirst) {
    if (bad_.has(p)) return p;
  }
  configuration_.hasStatic = bad_.has(Parameter::Ip) || !configuration_.fixed.ip.isNone();
  if (configuration_.hasStatic) {
    const Parameter p = checkStatic();
    if (p != Parameter::None) return p;
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
  static constexpr Parameter kParts[] = {Parameter::Ip, Parameter::Mask, Parameter::Gateway, Parameter::Dns, Parameter::Dns2};
  for (const Parameter p : kParts) {
    const bool needed = p <= Parameter::Gateway;
    if (bad_.has(p) || (needed && !given_.has(p))) return p;
  }
  return Parameter::None;
}

}  // namespace tendril
