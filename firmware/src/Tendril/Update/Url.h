// Where an update is.
#pragma once

#include "../Config.h"
#include "../Text.h"

namespace tendril {

struct Url {
  bool tls = false;
  Field<kMaxRedirectHost> host;
  uint16_t port = 0;
  Field<kMaxPath> path;  // from its slash on, with the query

  // Reads "http://host:port/path" or https; false for anything else, and for what
  // couldn't be in a request line as it is.
  bool parse(Text text);
};

}  // namespace tendril
