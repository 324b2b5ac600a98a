// The configurations on flash: two slots, of which a cut of the power at any byte
// leaves the proven one whole (docs/config-slots.md).
#pragma once

#include "../Port.h"
#include "Edgent.h"

namespace tendril {

enum class Phase : uint8_t {
  Trial,     // waits for its first login
  Proven,    // has logged in
  Discarded  // has failed; only why still counts
};

struct Slot {
  Slot();
  Configuration configuration;
  uint32_t sequence = 0;  // grows with each configuration that is stored; wraps
  Phase phase = Phase::Trial;
  bool sent = false;             // a login with it has left, or was about to
  Code lastError = Code::None;   // the last that was noted on it
  uint8_t index = 0;
};

// Every method but open's and put's takes a slot as it was read, and fails, changing
// nothing, if another configuration is there by now. False is a flash that failed or
// is worn out; nothing that was proven is lost by it.
class Store {
 public:
  enum class Status : uint8_t {
    Ok,
    Newer,  // a newer firmware's configuration is there; it is left alone
    Failed  // the flash could not be read
  };

  explicit Store(Flash& flash) : flash_(flash) {}

  // Reads what is there. A record of Edgent's, if there is one, becomes the proven
  // configuration, and is forgotten once that is on flash.
  Status open(EdgentMemory* edgent = nullptr);

  // The configuration that logged in last. False: there is none.
  bool proven(Slot& into);
  bool hasProven() const { return provenIndex() != kNone; }
  // How many configurations are to be tried, and the n-th, newest first.
  uint8_t trials() const;
  bool trial(uint8_t n, Slot& into);
  // Why the newest configuration isn't online; None if it was, or if nobody knows.
  Code lastError() const;

  // Stores a configuration as trial, where none is lost that is proven.
  bool put(const Configuration& configuration);
  // A login with the trial is about to leave.
  bool markSent(const Slot& trial);
  // The trial has logged in: it is the proven configuration from now on, and the one
  // before is none any more, both by one write.
  bool prove(const Slot& trial);
  // Gives a trial up.
  bool discard(const Slot& trial, Code why);
  // Keeps why a try failed; None takes the last one back. When the room for notes is
  // used up, the last one stays.
  bool note(const Slot& slot, Code why);
  // Forgets everything.
  bool erase();

 private:
  // What a slot says, but for its configuration.
  struct Summary {
    bool sound = false;
    bool sent = false;
    Phase phase = Phase::Trial;
    Code lastError = Code::None;
    uint16_t freeNote = 0;  // 0: no room
    uint32_t sequence = 0;
  };
  static constexpr uint8_t kNone = kSlots;

  static bool newer(const Summary& a, const Summary& b);
  bool read(uint8_t index, Summary& into, Configuration* configuration, bool& newerVersion);
  TENDRIL_ONCE bool readNotes(uint8_t index, Summary& into);
  Status refresh();
  bool find(const Slot& slot);
  uint8_t provenIndex() const;
  uint8_t newestIndex() const;
  uint8_t trialIndex(uint8_t n) const;
  TENDRIL_ONCE uint8_t spareIndex() const;
  bool load(uint8_t index, Slot& into);
  bool mark(const Slot& trial, uint32_t offset);
  bool clear(uint8_t index);
  TENDRIL_ONCE bool migrate(const Configuration& configuration, Code lastError);

  Flash& flash_;
  EdgentMemory* edgent_ = nullptr;
  Code carried_ = Code::None;  // of a record of Edgent's that is no configuration
  Summary slots_[kSlots];
};

}  // namespace tendril
