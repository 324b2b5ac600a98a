// A unit's flash in a file, the virtual device's own format: two sectors of 4,096
// bytes and the MAC that its maker burnt in. It loses its power when told to.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "Tendril/Port.h"

namespace host {

class FlashFile : public tendril::Flash {
 public:
  // Opens the file, or makes a blank one there, folder and all. Throws
  // std::runtime_error; another process that has it open is one reason.
  explicit FlashFile(const std::string& path);
  ~FlashFile() override;
  FlashFile(const FlashFile&) = delete;
  FlashFile& operator=(const FlashFile&) = delete;

  const std::array<uint8_t, 6>& mac() const { return mac_; }

  // Each write is on disk before it returns.
  bool read(uint32_t offset, void* into, size_t size) override;
  bool write(uint32_t offset, const void* data, size_t size) override;
  bool erase(uint8_t sector) override;

  // The power fails after so many more bytes were written or erased: some bits of the
  // next one make it, some don't.
  void cutPower(uint32_t after) {
    armed_ = true;
    after_ = after;
  }
  void powerOff() { off_ = true; }
  // A cut that hasn't come is called off.
  void powerOn() { off_ = armed_ = false; }
  bool isOff() const { return off_; }

 private:
  static constexpr size_t kSize = tendril::kSlots * tendril::kSectorSize;

  // Lets set act on bytes from, up to to, with all bits or, on the one at which the
  // power fails, with some.
  template <typename Set>
  bool change(size_t offset, size_t size, Set set);
  bool keep(size_t offset, size_t size);

  std::array<uint8_t, kSize> cells_;
  std::array<uint8_t, 6> mac_{};
  int file_ = -1;
  int lock_ = -1;
  bool armed_ = false;
  uint32_t after_ = 0;
  bool off_ = false;
};

}  // namespace host
