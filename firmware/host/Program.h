// One unit on this machine: its power, its life after life, and who looks at it.
#pragma once

#include <csignal>
#include <map>
#include <memory>
#include <string>

#include "Air.h"
#include "Board.h"
#include "Connection.h"
#include "Control.h"
#include "FlashFile.h"
#include "Options.h"
#include "Radio.h"
#include "Sockets.h"
#include "Story.h"
#include "Tendril/Device.h"

namespace host {

class Program : private tendril::Observer {
 public:
  // Throws UsageError or std::runtime_error.
  explicit Program(const Options& options);
  ~Program();

  // Runs the unit until ended says so. Throws std::runtime_error if it can't.
  void run(const volatile std::sig_atomic_t& ended);

 private:
  void onEvent(tendril::Event event, tendril::Text ssid, tendril::Code code) override;
  void onWrite(uint8_t pin, tendril::Text value) override;
  bool onRead(uint8_t pin, tendril::Writer& into) override;

  Answer act(const Hand& hand);
  Answer write(const Hand& hand);
  std::string state();

  void power(bool on, bool cuts, uint32_t cutAfter);
  void switchOn();
  void switchOff();
  // Makes the device anew, in memory that holds nothing of the life before.
  void wake();
  void forget();
  tendril::Millis now() const;

  Options options_;
  std::unique_ptr<Roots> roots_;
  Air air_;
  FlashFile flash_;
  Radio radio_;
  Sockets sockets_;
  Connection connection_;
  Board board_;
  Story story_;
  std::vector<const char*> origins_;
  tendril::Product product_;

  alignas(tendril::Device) unsigned char room_[sizeof(tendril::Device)];
  tendril::Device* device_ = nullptr;  // nullptr: off
  bool cuts_ = false;  // once it is on, the power is to fail
  uint32_t cutAfter_ = 0;
  int restarts_ = 0;
  std::map<uint8_t, std::string> pins_;  // in RAM: they go with it
  std::unique_ptr<Control> control_;     // last: it calls what is above
};

}  // namespace host
