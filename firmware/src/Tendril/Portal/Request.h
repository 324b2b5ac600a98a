// The head of an HTTP/1.1 request (RFC 9112), and its body's bytes, read one at a
// time. Of each line only what decides something is kept; a query goes on to the
// draft as it comes.
#pragma once

#include "Draft.h"
#include "Guard.h"
#include "HttpStatus.h"

namespace tendril {

enum class Method : uint8_t { Get, Head, Post, Options, Other };

// The portal's paths, in the order of their names in Request.cpp. From Sound on they
// are probes, by which phones and computers find out about a network.
enum class Route : uint8_t {
  Page, BoardInfo, Scan, Config, Reset, Reboot, App, Redirect,
  Sound, Unknown = 0xFF,
};

// What a body says that it is.
enum class BodyKind : uint8_t { Unsaid, Form, Json, Text, Other, Unreadable };

class Request {
 public:
  enum class Step : uint8_t {
    More,
    Head,    // the head is whole
    Byte,    // c is a byte of the body
    Broken,  // it can't be read; status() says why
  };

  Request();

  // Takes the next byte; after whole() there is none.
  Step push(char& c, const Site& site, Draft& draft);

  // Whether nothing has come yet.
  bool silent() const { return size_ == 0; }

  // Of the head, once it is whole.
  Method method() const { return method_; }
  Route route() const { return route_; }
  // Whether it asks for this portal by a name of its own.
  bool ownHost() const { return ownHost_; }
  // Whether some other page made the browser ask.
  bool foreign() const { return foreign_ || (fetchedElsewhere_ && !hasOrigin_); }
  // The wizard whose page asks; kNoWizard if none does.
  uint8_t wizard() const { return wizard_; }
  BodyKind bodyKind() const { return bodyKind_; }
  // Whether all of it has come, the body included.
  bool whole() const { return state_ == State::Ended; }
  // Whether the body is known to be longer than what the head has left for it.
  bool tooLong() const { return left_ > kMaxRequest - size_; }
  bool wantsPage() const { return wantsPage_; }
  bool takesGzip() const { return takesGzip_; }
  bool asksPrivate() const { return asksPrivate_; }
  bool expectsContinue() const { return expectsContinue_; }

  // Of what is Broken.
  HttpStatus status() const { return status_; }

 private:
  enum class State : uint8_t {
    Method, Path, Query, Version, LineStart, Name, BeforeValue, Value,
    Body, Size, Extension, Data, DataEnd, Trailer, TrailerLine, Ended,
  };

  Step broken(HttpStatus status);
  TENDRIL_ONCE Step head(char c, const Site& site, Draft& draft);
  TENDRIL_ONCE Step line(const Site& site);
  TENDRIL_ONCE Step target(char c, Draft& draft);
  TENDRIL_ONCE Step version(char c);
  TENDRIL_ONCE Step startLine(char c);
  Step endHead();
  bool header(const Site& site);
  TENDRIL_ONCE bool length(Text value);
  TENDRIL_ONCE Step chunk(char& c);

  State state_ = State::Method;
  bool cr_ = false;
  uint16_t size_ = 0;  // of all bytes so far
  HttpStatus status_ = HttpStatus::BadRequest;
  uint32_t left_ = 0;  // of the body, or of a chunk
  Method method_ = Method::Other;
  Route route_ = Route::Unknown;
  BodyKind bodyKind_ = BodyKind::Unsaid;
  uint8_t wizard_ = kNoWizard;
  uint8_t minor_ = 0;  // of HTTP/1.
  bool hasHost_ = false, ownHost_ = false, hasOrigin_ = false, foreign_ = false, fetchedElsewhere_ = false;
  bool hasSite_ = false, hasLength_ = false, chunked_ = false, wantsPage_ = false, takesGzip_ = false;
  bool asksPrivate_ = false, expectsContinue_ = false;
  bool cut_ = false;  // the name or value was longer than what is kept of it
  Percent percent_{false};
  Field<38> name_;  // of a header, in small letters; a path; a method
  Field<kMaxOrigin + 1> value_;
};

}  // namespace tendril
