// The next program: the core's updater writes it into the partition that does not run,
// and the boot loader takes that one at the next start.
// It erases as it writes, some tens of milliseconds a sector.
#pragma once
#ifdef ESP32

#include <MD5Builder.h>

#include "../../Tendril/Port.h"

namespace tendril {
namespace esp32 {

class Image final : public Updater {
 public:
  bool begin(uint32_t size) override;
  bool write(const uint8_t* data, size_t size) override;
  void md5(uint8_t into[16]) override;
  bool commit() override;
  void abort() override;

 private:
  ::MD5Builder md5_;
};

}  // namespace esp32
}  // namespace tendril

#endif
