// The next program: the core's updater writes it below the file system, and the boot
// loader copies it over at the next start.
// It erases as it writes, some tens of milliseconds a sector.
#pragma once
#ifdef ESP8266

#include <MD5Builder.h>

#include "../../Tendril/Port.h"

namespace tendril {
namespace esp8266 {

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

}  // namespace esp8266
}  // namespace tendril

#endif
