// An update over the air: an image is fetched by HTTP, and takes the place of this
// program only when all of it is there and its digest is right.
#pragma once

#include "../Port.h"
#include "../Workspace.h"
#include "Head.h"
#include "Url.h"

namespace tendril {

class Update {
 public:
  enum class State : uint8_t {
    Idle,
    Working,
    Done,   // the image is in place; a restart runs it
    Failed  // nothing has changed
  };
  enum class Fault : uint8_t {
    None,
    Url,          // it can't be read, or is too long
    Plain,        // it isn't https, and may not be otherwise
    Unreachable,  // the server
    Answer,       // it isn't 200 with a length, or no HTTP at all
    NoDigest,     // it comes without x-MD5
    NoRoom,       // the image doesn't fit
    Flash,        // writing failed
    CutShort,     // the connection ended or stood still before the image did
    Digest        // the image isn't what the server has
  };
  // What is refused unless the maker says otherwise.
  struct Options {
    bool allowPlain = false;     // http, though the cloud is reached by TLS
    bool allowNoDigest = false;  // an image that only its length vouches for
  };

  // Without an updater it is never begun.
  Update(Connection& connection, Updater* updater, Workspace& workspace) : connection_(connection), updater_(updater), workspace_(workspace) {}

  // Takes the URL; tls says whether the cloud is reached by TLS. False: refused, and
  // fault says why. The connection and the workspace are the update's from the first
  // tick on until it is over.
  bool begin(Text url, bool tls, const Options& options);
  State tick(Millis now);
  // Leaves everything as it was.
  void stop();

  State state() const { return state_; }
  Fault fault() const { return fault_; }
  // Bytes of the image: had, and of how many; 0 until that is known.
  uint32_t received() const { return received_; }
  uint32_t size() const { return head_.length(); }
  // What HTTP said, if it was an answer.
  uint16_t status() const { return head_.status(); }

 private:
  enum class Step : uint8_t { Begin, Resolve, Connect, Ask, Head, Body };

  TENDRIL_ONCE void ask();
  TENDRIL_ONCE void readHead();
  TENDRIL_ONCE void readBody();
  void take(const uint8_t* data, size_t size);
  void fail(Fault fault);
  State over(State state);

  Connection& connection_;
  Updater* const updater_;
  Workspace& workspace_;
  Options options_;
  Url url_;
  Head head_;
  State state_ = State::Idle;
  Fault fault_ = Fault::None;
  Step step_ = Step::Begin;
  bool writing_ = false;  // the updater has begun
  uint16_t asked_ = 0;    // of the request, bytes that are sent
  uint32_t received_ = 0;
  Millis now_ = 0;
  Millis began_ = 0;
  Millis moved_ = 0;  // when something came or went last
};

}  // namespace tendril
