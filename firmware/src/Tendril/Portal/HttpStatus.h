// The statuses of HTTP that the portal answers with.
#pragma once

#include <stdint.h>

namespace tendril {

// In the order of kReasons in Words.cpp.
enum class HttpStatus : uint8_t {
  Ok,              // 200
  NoContent,       // 204
  Found,           // 302
  BadRequest,      // 400
  Forbidden,       // 403
  NotFound,        // 404
  NotAllowed,      // 405
  TooLarge,        // 413
  HeadTooLarge,    // 431
  Failed,          // 500
  NotImplemented,  // 501
  Unavailable,     // 503
  OtherVersion,    // 505
};

}  // namespace tendril
