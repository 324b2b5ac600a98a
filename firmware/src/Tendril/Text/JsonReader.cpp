#include "Digits.h"
#include "Json.h"

namespace tendril {

namespace {

constexpr uint32_t kReplacement = 0xFFFD;

bool isSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isFirstHalf(uint16_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool isSecondHalf(uint16_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

}  // namespace

bool JsonReader::push(char c, JsonMembers& members) {
  if (!step(c, members)) state_ = State::Failed;
  return state_ != State::Failed;
}

bool JsonReader::step(char c, JsonMembers& members) {
  if (state_ == State::String) return string(c, members);
  if (state_ == State::Escape) return escape(c, members);
  if (state_ == State::Unit) return unit(c, members);
  if (state_ == State::Word) return keyword(c, members);
  if (state_ >= State::Minus && state_ <= State::ExponentDigits) return number(c, members);
  if (isSpace(c)) return state_ != State::Failed;
  switch (state_) {
    case State::Begin:
      return c == '{' && open(false, members);
    case State::FirstName:
      if (c == '}') return close(false);
      [[fallthrough]];
    case State::Name:
      if (c != '"') return false;
      inName_ = true;
      if (depth_ == 1) members.beginName();
      state_ = State::String;
      return true;
    case State::Colon:
      state_ = State::Value;
      return c == ':';
    case State::FirstElement:
      if (c == ']') return close(true);
      [[fallthrough]];
    case State::Value:
      return value(c, members);
    case State::After:
      if (c == ',') {
        state_ = (arrays_ & 1) != 0 ? State::Value : State::Name;
        return true;
      }
      return (c == '}' || c == ']') && close(c == ']');
    default:
      return false;  // something behind the object
  }
}

bool JsonReader::value(char c, JsonMembers& members) {
  const bool member = depth_ == 1;
  if (c == '{' || c == '[') {
    if (member) members.nestedValue();
    return open(c == '[', members);
  }
  if (c == 'n') {
    word_ = c;
    at_ = 1;
    state_ = State::Word;
    return true;
  }
  if (c == '"') {
    inName_ = false;
    state_ = State::String;
  } else if (c == 't' || c == 'f') {
    word_ = c;
    at_ = 1;
    state_ = State::Word;
  } else if (c == '-') {
    state_ = State::Minus;
  } else if (isDigit(c)) {
    state_ = c == '0' ? State::Zero : State::Whole;
  } else {
    return false;
  }
  if (!member) return true;
  members.beginValue();
  if (c != '"') members.valueByte(c);
  return true;
}

bool JsonReader::open(bool array, JsonMembers&) {
  if (depth_ == kMaxDepth) return false;
  depth_++;
  arrays_ = arrays_ << 1 | (array ? 1u : 0u);
  state_ = array ? State::FirstElement : State::FirstName;
  return true;
}

bool JsonReader::close(bool array) {
  if (((arrays_ & 1) != 0) != array) return false;
  arrays_ >>= 1;
  state_ = --depth_ == 0 ? State::End : State::After;
  return true;
}

bool JsonReader::string(char c, JsonMembers& members) {
  if (static_cast<uint8_t>(c) < 0x20 || !utf8_.push(c)) return false;
  if (c == '\\') {
    state_ = State::Escape;
    return true;
  }
  loneSurrogate(members);
  if (c != '"') {
    emit(c, members);
    return true;
  }
  state_ = inName_ ? State::Colon : State::After;
  if (!inName_ && depth_ == 1) members.endValue();
  return true;
}

bool JsonReader::escape(char c, JsonMembers& members) {
  if (c == 'u') {
    digits_ = 4;
    unit_ = 0;
    state_ = State::Unit;
    return true;
  }
  const char plain = c == '/' ? c : escaped(c);
  if (plain == 0) return false;
  loneSurrogate(members);
  emit(plain, members);
  state_ = State::String;
  return true;
}

bool JsonReader::unit(char c, JsonMembers& members) {
  const int8_t digit = hexDigit(c);
  if (digit < 0) return false;
  unit_ = static_cast<uint16_t>(unit_ << 4 | digit);
  if (--digits_ > 0) return true;
  state_ = State::String;
  if (surrogate_ != 0 && isSecondHalf(unit_)) {
    emitCharacter(0x10000u + ((surrogate_ - 0xD800u) << 10) + (unit_ - 0xDC00u), members);
    surrogate_ = 0;
    return true;
  }
  loneSurrogate(members);
  if (isFirstHalf(unit_)) {
    surrogate_ = unit_;
  } else {
    emitCharacter(isSecondHalf(unit_) ? kReplacement : unit_, members);
  }
  return true;
}

void JsonReader::loneSurrogate(JsonMembers& members) {
  if (surrogate_ == 0) return;
  surrogate_ = 0;
  emitCharacter(kReplacement, members);
}

void JsonReader::emitCharacter(uint32_t character, JsonMembers& members) {
  char bytes[4];
  const size_t n = utf8Put(character, bytes);
  for (size_t i = 0; i < n; i++) emit(bytes[i], members);
}

void JsonReader::emit(char c, JsonMembers& members) {
  if (depth_ != 1) return;
  if (inName_) {
    members.nameByte(c);
  } else {
    members.valueByte(c);
  }
}

bool JsonReader::keyword(char c, JsonMembers& members) {
  const char* const whole = word_ == 't' ? "true" : word_ == 'f' ? "false" : "null";
  if (c != whole[at_]) return false;
  const bool value = depth_ == 1 && word_ != 'n';
  if (value) members.valueByte(c);
  if (whole[++at_] == 0) {
    state_ = State::After;
    if (value) members.endValue();
  }
  return true;
}

bool JsonReader::number(char c, JsonMembers& members) {
  State next = State::Failed;
  switch (state_) {
    case State::Minus:
      if (isDigit(c)) next = c == '0' ? State::Zero : State::Whole;
      break;
    case State::Whole:
      if (isDigit(c)) next = State::Whole;
      [[fallthrough]];
    case State::Zero:
      if (c == '.') next = State::Point;
      if (c == 'e' || c == 'E') next = State::Exponent;
      break;
    case State::Point:
      if (isDigit(c)) next = State::Fraction;
      break;
    case State::Fraction:
      if (isDigit(c)) next = State::Fraction;
      if (c == 'e' || c == 'E') next = State::Exponent;
      break;
    case State::Exponent:
      if (c == '+' || c == '-') next = State::ExponentSign;
      [[fallthrough]];
    default:  // ExponentSign, ExponentDigits
      if (isDigit(c)) next = State::ExponentDigits;
  }
  const bool member = depth_ == 1;
  if (next != State::Failed) {
    state_ = next;
    if (member) members.valueByte(c);
    return true;
  }
  if (state_ != State::Zero && state_ != State::Whole && state_ != State::Fraction && state_ != State::ExponentDigits) return false;
  // The number ends with what comes behind it.
  if (member) members.endValue();
  state_ = State::After;
  return step(c, members);
}

}  // namespace tendril
