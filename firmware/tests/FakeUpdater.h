// The flash beside the program's, which takes only so much.
#pragma once

#include <Tendril/Port.h>
#include <Tendril/Update/Md5.h>

#include <string>

class FakeUpdater : public tendril::Updater {
 public:
  bool begin(uint32_t size) override {
    image.clear();
    announced = size;
    return size <= room;
  }
  bool write(const uint8_t* data, size_t size) override {
    if (image.size() + size > holds || image.size() + size > announced) return false;
    image.append(reinterpret_cast<const char*>(data), size);
    return true;
  }
  void md5(uint8_t into[16]) override {
    tendril::Md5 md5;
    md5.add(reinterpret_cast<const uint8_t*>(image.data()), image.size());
    md5.finish(into);
  }
  bool commit() override {
    committed = runs && image.size() == announced;
    return committed;
  }
  void abort() override {
    image.clear();
    aborted++;
  }

  size_t room = 1 << 20;
  size_t holds = 1 << 20;  // the flash fails beyond it
  bool runs = true;        // the image is one that can
  std::string image;
  size_t announced = 0;
  bool committed = false;
  int aborted = 0;
};
