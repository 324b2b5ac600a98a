// Flash that behaves as badly as NOR flash does.
#pragma once

#include <Tendril/Port.h>

#include <array>

// Two sectors of NOR flash. Writing clears bits only, erasing sets a sector's; both
// can be cut at any byte. An access that isn't of whole words is a violation, since
// the ESP8266 would refuse it.
class NorFlash : public tendril::Flash {
 public:
  static constexpr size_t kSize = tendril::kSlots * tendril::kSectorSize;
  using Cells = std::array<uint8_t, kSize>;

  // In what order an erasure sets the bytes: real ones have none.
  enum class Order { FromStart, FromEnd, Scattered };
  // A failure of the power that is to come.
  struct Cut {
    size_t after = 0;     // so many more bytes are written or erased
    uint8_t torn = 0x5A;  // the bits of the byte after those that still change
    Order order = Order::FromStart;
  };

  NorFlash() { cells.fill(0xFF); }

  bool read(uint32_t offset, void* into, size_t size) override;
  bool write(uint32_t offset, const void* data, size_t size) override;
  bool erase(uint8_t sector) override;

  void cutPower(const Cut& cut) {
    cut_ = cut;
    armed_ = true;
  }
  void powerOn() { off = armed_ = false; }
  // How many of size bytes are still done: for what else loses power with this flash.
  size_t spend(size_t size);
  // Puts bytes there as a programmer's clip does.
  void load(size_t offset, const void* data, size_t size);

  Cells cells{};
  bool off = false;
  int violations = 0;
  size_t erasures[tendril::kSlots] = {};
  size_t writes = 0;
  int failingReads = 0;  // so many reads from now on fail
  size_t stuck = kSize;  // the cell whose lowest bit can't be set any more

 private:
  bool isWhole(uint32_t offset, const void* memory, size_t size);

  Cut cut_;
  bool armed_ = false;
};
