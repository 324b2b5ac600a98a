// What the portal answers, as bytes. An answer is made anew for each part of it that
// is sent, so it needs no memory, whatever its length.
#pragma once

#include "Guard.h"
#include "HttpStatus.h"
#include "PortalDevice.h"

namespace tendril {

// What there is to say. Sound is what a probe gets where the internet is in reach.
enum class Say : uint8_t {
  Nothing, Page, Form, Board, Networks, Home, Preflight, Sound, NotFound,
  Trying, Saved, Invalid, Forbidden, Busy, NotStored, App, Erased, Kept, NotErased, Restarting, ScanFailed, NotAllowed, TooLarge,
  Unreadable,
};

enum class Allow : uint8_t { GetHead, GetPost, Post };

struct Answer {
  Say say = Say::Nothing;
  Parameter field = Parameter::None;  // that is refused
  uint8_t wizard = kNoWizard;         // whose page may read the answer
  uint8_t sound = 0;                  // which probe's
  HttpStatus unreadable = HttpStatus::BadRequest;  // the status of Unreadable
  Allow allow = Allow::GetHead;       // what NotAllowed allows instead
  bool headOnly = false;
  bool person = false;       // a browser shows it
  bool asksPrivate = false;  // a preflight asks for a private network
};

// The networks of a scan that are answered, strongest first.
struct Strongest {
  uint8_t count = 0;
  uint16_t index[kMaxScan] = {};

  void pick(PortalDevice& device);
};

struct AnswerContext {
  PortalDevice& device;
  const Site& site;
  const Strongest& networks;
};

void putAnswer(Writer& w, const Answer& answer, const AnswerContext& context);

}  // namespace tendril
