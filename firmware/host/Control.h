// Hands and eyes at the device: its button, its plug, what it measures and shows. It
// asks nobody who they are, so serve it to this machine only.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "Sockets.h"

namespace httplib {
class Server;
}

namespace host {

struct Answer {
  int status = 200;
  std::string body;
};

// One thing that hands do.
struct Hand {
  enum class Kind { Button, Power, Write, State, Pins } kind = Kind::State;
  uint32_t heldMilliseconds = 0;
  bool on = false;
  bool cuts = false;
  uint32_t cutAfterBytes = 0;
  uint8_t pin = 0;
  std::string value;
};

// Serves HTTP on threads of its own, and has everything done by serve, on the thread
// that calls it.
class Control {
 public:
  // Throws std::runtime_error if it can't listen there.
  explicit Control(const Endpoint& at);
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  // Readable once somebody waits.
  int wakes() const { return wake_[0]; }
  void serve(const std::function<Answer(const Hand&)>& act);

 private:
  struct Waiting {
    Hand hand;
    Answer answer;
    bool done = false;
  };

  Answer ask(const Hand& hand);

  std::unique_ptr<httplib::Server> server_;
  std::thread listening_;
  int wake_[2] = {-1, -1};
  std::mutex mutex_;
  std::condition_variable done_;
  std::vector<Waiting*> waiting_;
  bool ended_ = false;
};

}  // namespace host
