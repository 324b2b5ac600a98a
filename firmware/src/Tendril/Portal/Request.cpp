#include "Request.h"

#include "../Text/Lines.h"

namespace tendril {

namespace {

// In the order of Method.
TENDRIL_ROM_TEXT(kMethods, "GET\nHEAD\nPOST\nOPTIONS");
// In the order of Route, then of Probe in Answer.cpp.
TENDRIL_ROM_TEXT(kPaths,
                 "/\n/board_info.json\n/wifi_scan.json\n/config\n/reset\n/reboot\n/app\n/redirect\n"
                 "/generate_204\n/gen_204\n/hotspot-detect.html\n/library/test/success.html\n/connecttest.txt\n/ncsi.txt\n"
                 "/check_network_status.txt\n/nm\n/success.txt\n/canonical.html");

enum class Name : uint8_t {
  Host, Origin, Referer, FetchSite, Length, Encoding, Type, Accept, AcceptEncoding, Private, Expect,
};
// In the order of Name.
TENDRIL_ROM_TEXT(kHeaders,
                 "host\norigin\nreferer\nsec-fetch-site\ncontent-length\ntransfer-encoding\ncontent-type\naccept\n"
                 "accept-encoding\naccess-control-request-private-network\nexpect");

// Of a name or method (RFC 9110, 5.6.2).
bool isToken(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != nullptr);
}

bool isControl(char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7F; }

Text trimmed(Text text) {
  while (!text.empty() && (text[text.size - 1] == ' ' || text[text.size - 1] == '\t')) text = text.first(text.size - 1);
  return text;
}

bool contains(Text text, Text part) {
  for (size_t i = 0; i + part.size <= text.size; i++) {
    if (text.from(i).startsWith(part)) return true;
  }
  return false;
}

BodyKind kindOf(Text value) {
  size_t end = 0;
  while (end < value.size && value[end] != ';') end++;
  const Text kind = trimmed(value.first(end));
  if (kind.empty()) return value.empty() ? BodyKind::Unsaid : BodyKind::Unreadable;
  if (sameWord(kind, "application/json")) return BodyKind::Json;
  if (sameWord(kind, "application/x-www-form-urlencoded")) return BodyKind::Form;
  return sameWord(kind, "text/plain") ? BodyKind::Text : BodyKind::Other;
}

}  // namespace

Request::Request() = default;

Request::Step Request::broken(HttpStatus status) {
  state_ = State::Ended;
  status_ = status;
  return Step::Broken;
}

Request::Step Request::push(char& c, const Site& site, Draft& draft) {
  if (size_ == kMaxRequest) return broken(state_ < State::Body ? HttpStatus::HeadTooLarge : HttpStatus::TooLarge);
  size_++;
  if (state_ < State::Body) return head(c, site, draft);
  if (state_ == State::Body) {
    left_--;
    if (left_ == 0) state_ = State::Ended;
    return Step::Byte;
  }
  return chunk(c);
}

// A line ends with CR LF or LF alone; a CR in it is nothing's.
Request::Step Request::head(char c, const Site& site, Draft& draft) {
  if (cr_ && c != '\n') return broken(HttpStatus::BadRequest);
  if (c == '\r') {
    cr_ = true;
    return Step::More;
  }
  if (c == '\n') {
    cr_ = false;
    return line(site);
  }
  switch (state_) {
    case State::Method:
      if (c == ' ') {
        method_ = static_cast<Method>(lineOf(kMethods, name_.text()));
        if (method_ > Method::Other) method_ = Method::Other;
        if (name_.empty()) return broken(HttpStatus::BadRequest);
        name_.clear();
        cut_ = false;
        state_ = State::Path;
        return Step::More;
      }
      if (!isToken(c)) return broken(HttpStatus::BadRequest);
      cut_ = !name_.push(c) || cut_;
      return Step::More;
    case State::Path:
    case State::Query:
      return target(c, draft);
    case State::Version:
      return version(c);
    default:
      return startLine(c);
  }
}

Request::Step Request::target(char c, Draft& draft) {
  if (c == ' ' || (c == '?' && state_ == State::Path)) {
    if (state_ == State::Path) {
      if (!percent_.whole() || (name_.empty() && !cut_)) return broken(HttpStatus::BadRequest);
      const uint8_t path = cut_ ? kNoLine : lineOf(kPaths, name_.text());
      route_ = static_cast<Route>(path);
      draft.begin(Draft::Kind::Form);
      name_.clear();
    }
    state_ = c == ' ' ? State::Version : State::Query;
    return Step::More;
  }
  if (isControl(c)) return broken(HttpStatus::BadRequest);
  if (state_ == State::Query) {
    draft.push(c);
    return Step::More;
  }
  // Only what begins at the root is a path: no proxy is here.
  if (name_.empty() && c != '/') return broken(HttpStatus::BadRequest);
  switch (percent_.push(c)) {
    case Percent::Got::Broken:
      return broken(HttpStatus::BadRequest);
    case Percent::Got::Byte:
      cut_ = !name_.push(c) || c == '\n' || cut_;
      return Step::More;
    case Percent::Got::More:
      return Step::More;
  }
  return Step::More;
}

Request::Step Request::version(char c) {
  if (!name_.push(c)) return broken(HttpStatus::BadRequest);
  return Step::More;
}

// The end of a line.
Request::Step Request::line(const Site& site) {
  switch (state_) {
    case State::Version: {
      const Text text = name_.text();
      if (text.size != 8 || !text.startsWith("HTTP/") || text[5] < '0' || text[5] > '9' || text[6] != '.' || text[7] < '0' || text[7] > '9') return broken(HttpStatus::BadRequest);
      if (text[5] != '1') return broken(HttpStatus::OtherVersion);
      minor_ = static_cast<uint8_t>(text[7] - '0');
      state_ = State::LineStart;
      return Step::More;
    }
    case State::LineStart:
      return endHead();
    case State::BeforeValue:
    case State::Value:
      if (!header(site)) return broken(status_);
      state_ = State::LineStart;
      return Step::More;
    default:
      return broken(HttpStatus::BadRequest);
  }
}

Request::Step Request::startLine(char c) {
  switch (state_) {
    case State::LineStart:
      name_.clear();
      value_.clear();
      cut_ = false;
      state_ = State::Name;
      [[fallthrough]];
    case State::Name:
      if (c == ':') {
        if (name_.empty()) return broken(HttpStatus::BadRequest);
        if (cut_) name_.clear();  // none that counts
        cut_ = false;
        state_ = State::BeforeValue;
        return Step::More;
      }
      // A line that goes on from the one before begins with a space (RFC 9112, 5.2).
      if (!isToken(c)) return broken(HttpStatus::BadRequest);
      cut_ = !name_.push(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) || cut_;
      return Step::More;
    case State::BeforeValue:
      if (c == ' ' || c == '\t') return Step::More;
      state_ = State::Value;
      [[fallthrough]];
    default:
      if (isControl(c) && c != '\t') return broken(HttpStatus::BadRequest);
      cut_ = !value_.push(c) || cut_;
      return Step::More;
  }
}

bool Request::header(const Site& site) {
  const uint8_t line = lineOf(kHeaders, name_.text());
  const Text value = cut_ ? value_.text() : trimmed(value_.text());
  if (line == kNoLine) return true;
  switch (static_cast<Name>(line)) {
    case Name::Host:
      if (hasHost_) return false;
      hasHost_ = true;
      ownHost_ = !cut_ && tendril::ownHost(site, value);
      return true;
    case Name::Origin:
      // The first is whose page gets the answer; every one must be a page that may.
      if (!hasOrigin_) wizard_ = wizardOf(site, value);
      hasOrigin_ = true;
      [[fallthrough]];
    case Name::Referer:
      foreign_ = foreign_ || !ownOrigin(site, value);
      return true;
    case Name::FetchSite:
      if (!hasSite_) fetchedElsewhere_ = !value.empty() && value != Text("same-origin") && value != Text("none");
      hasSite_ = true;
      return true;
    case Name::Length:
      return !chunked_ && length(value);
    case Name::Encoding:
      if (chunked_ || hasLength_) return false;
      chunked_ = sameWord(value, "chunked");
      if (!chunked_) status_ = HttpStatus::NotImplemented;
      return chunked_;
    case Name::Type:
      if (bodyKind_ == BodyKind::Unsaid) bodyKind_ = cut_ && kindOf(value) == BodyKind::Unsaid ? BodyKind::Other : kindOf(value);
      return true;
    case Name::Accept:
      wantsPage_ = wantsPage_ || value.startsWith("text/html");
      return true;
    case Name::AcceptEncoding:
      takesGzip_ = takesGzip_ || contains(value, "gzip");
      return true;
    case Name::Private:
      asksPrivate_ = value == Text("true");
      return true;
    case Name::Expect:
      expectsContinue_ = sameWord(value, "100-continue");
      return true;
  }
  return true;
}

// More than 32 bits are no more than what is too long anyway. Two lengths that differ
// make it unclear where the request ends.
bool Request::length(Text value) {
  if (value.empty() || cut_) return false;
  uint32_t n = 0;
  for (size_t i = 0; i < value.size; i++) {
    if (value[i] < '0' || value[i] > '9') return false;
    const uint32_t digit = static_cast<uint32_t>(value[i] - '0');
    n = n > (UINT32_MAX - digit) / 10 ? UINT32_MAX : n * 10 + digit;
  }
  if (hasLength_ && n != left_) return false;
  hasLength_ = true;
  left_ = n;
  return true;
}

Request::Step Request::endHead() {
  if (!hasHost_ && minor_ > 0) return broken(HttpStatus::BadRequest);
  name_.clear();
  value_.clear();
  state_ = chunked_ ? State::Size : left_ > 0 ? State::Body : State::Ended;
  return Step::Head;
}

// Chunks (RFC 9112, 7.1). What comes behind the last one's size is passed over.
Request::Step Request::chunk(char& c) {
  if (cr_ && c != '\n') return broken(HttpStatus::BadRequest);
  const bool cr = c == '\r' && state_ != State::Data;
  if (cr) {
    cr_ = true;
    return Step::More;
  }
  const bool end = c == '\n' && state_ != State::Data;
  if (end) cr_ = false;
  switch (state_) {
    case State::Size: {
      if (end || c == ';') {
        if (name_.empty()) return broken(HttpStatus::BadRequest);
        name_.clear();
        state_ = !end ? State::Extension : left_ == 0 ? State::Trailer : State::Data;
        return Step::More;
      }
      const int8_t digit = hexDigit(c);
      if (digit < 0 || left_ > kMaxRequest) return broken(digit < 0 ? HttpStatus::BadRequest : HttpStatus::TooLarge);
      if (name_.empty()) name_.push(c);  // there is a digit
      left_ = left_ << 4 | static_cast<uint32_t>(digit);
      return Step::More;
    }
    case State::Extension:
      if (end) state_ = left_ == 0 ? State::Trailer : State::Data;
      return Step::More;
    case State::Data:
      if (--left_ == 0) state_ = State::DataEnd;
      return Step::Byte;
    case State::DataEnd:
      if (!end) return broken(HttpStatus::BadRequest);
      state_ = State::Size;
      return Step::More;
    case State::Trailer:
      if (end) {
        state_ = State::Ended;
        return Step::More;
      }
      state_ = State::TrailerLine;
      return Step::More;
    default:  // TrailerLine
      if (end) state_ = State::Trailer;
      return Step::More;
  }
}

}  // namespace tendril
