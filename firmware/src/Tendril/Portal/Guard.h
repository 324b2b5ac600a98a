// Who may ask: the portal's own names, and the pages that may use it.
#pragma once

#include "../Configuration.h"

namespace tendril {

// The longest origin of a wizard, as "https://cloud.example".
constexpr size_t kMaxOrigin = 95;
constexpr uint8_t kNoWizard = 0xFF;

// Where the portal is, and whose pages may use it beside its own.
struct Site {
  Address address;
  uint16_t port = 80;
  const char* const* wizards = nullptr;
  uint8_t wizardCount = 0;
};

// Whether a host, with or without a port, is a name of this portal.
bool ownHost(const Site& site, Text host);

// Whether an origin or address is of a page of this portal or of a wizard's. It may
// be cut, as long as more than the host of it is there.
bool ownOrigin(const Site& site, Text address);

// The wizard of exactly this origin.
uint8_t wizardOf(const Site& site, Text origin);

// An address as four numbers, each without zeros in front.
bool parseAddress(Text text, Address& address);

// Whether they are the same but for capital letters, of which word has none.
bool sameWord(Text text, Text word);

}  // namespace tendril
