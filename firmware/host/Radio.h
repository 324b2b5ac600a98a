// A radio without waves: it hears what the air file says, and joining is a matter of
// some milliseconds.
#pragma once

#include <array>
#include <optional>

#include "Air.h"
#include "Tendril/Port.h"

namespace host {

class Radio : public tendril::Radio {
 public:
  // It takes its time, divided by hurry.
  Radio(Air& air, const std::array<uint8_t, 6>& mac, uint32_t hurry) : air_(air), mac_(mac), hurry_(hurry) {}

  // The time at which the calls that follow happen.
  void at(tendril::Millis now) { now_ = now; }
  // Looks what has become of the joined network, once the air has changed.
  void follow();

  // Whether connections live: joined, and the network leads out. A connection that
  // was made before another cut is dead.
  bool leadsOut() const { return point_ && point_->leadsOut(); }
  uint32_t cuts() const { return cuts_; }
  // The joined network as it is; nothing if there is none.
  const std::optional<AccessPoint>& network();

  void mac(uint8_t into[6]) override;
  void beginScan() override { since_ = now_; }
  tendril::Progress scan() override;
  uint16_t found() override { return static_cast<uint16_t>(found_.size()); }
  bool foundAt(uint16_t i, tendril::Network& into) override;
  // Who is to be near the setup network is the business of its sockets.
  bool openSetup(tendril::Text, tendril::Text) override { return true; }
  void closeSetup() override {}
  void beginJoin(const tendril::Configuration& configuration) override;
  tendril::Progress join(bool& associated, tendril::Code& why) override;
  bool joined() override { return addressed_ && point_; }
  tendril::Address address() override { return address_; }
  int8_t rssi() override { return point_ ? static_cast<int8_t>(point_->rssi) : int8_t{0}; }
  void leave() override;

 private:
  bool passed(uint32_t time) const { return tendril::elapsed(now_, since_) >= time / hurry_; }
  tendril::Code admit(const AccessPoint& point) const;

  Air& air_;
  std::array<uint8_t, 6> mac_;
  uint32_t hurry_;
  tendril::Millis now_ = 0, since_ = 0;
  std::vector<AccessPoint> found_;
  tendril::Configuration wanted_;
  std::optional<AccessPoint> point_;  // the joined network
  bool addressed_ = false;
  tendril::Address address_;
  uint32_t cuts_ = 0;
};

}  // namespace host
