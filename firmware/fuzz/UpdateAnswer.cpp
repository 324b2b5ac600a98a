// An update server that answers anything, in pieces that the first byte says.
#include <Tendril/Update/Update.h>

#include <cstdlib>

#include "tests/FakeCloud.h"
#include "tests/FakeUpdater.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  FakeCloud cloud;
  FakeUpdater updater;
  tendril::Workspace workspace = {};
  tendril::Update update(cloud, &updater, workspace);
  tendril::Update::Options options;
  options.allowNoDigest = (data[0] & 0x80) != 0;
  if (!update.begin("https://a.example/f.bin", true, options)) abort();
  cloud.chunk = data[0] % 128 + 1u;
  cloud.toDevice.assign(reinterpret_cast<const char*>(data + 1), size - 1);
  cloud.hungUp = true;
  tendril::Millis now = 0;
  for (int i = 0; i < 100000 && update.state() == tendril::Update::State::Working; i++) update.tick(now += 10);
  const bool done = update.state() == tendril::Update::State::Done;
  if (update.state() == tendril::Update::State::Working || done != updater.committed) abort();
  // An image in place is of the size that was told, and of the digest.
  if (!done) return 0;
  tendril::Md5 md5;
  md5.add(reinterpret_cast<const uint8_t*>(updater.image.data()), updater.image.size());
  uint8_t digest[tendril::Md5::kSize];
  md5.finish(digest);
  std::string digits;
  for (const uint8_t b : digest) {
    digits += "0123456789abcdef"[b >> 4];
    digits += "0123456789abcdef"[b & 15];
  }
  std::string head(reinterpret_cast<const char*>(data + 1), size - 1 - updater.image.size());
  for (char& c : head) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  if (updater.image.size() != update.size() || (!options.allowNoDigest && head.find(digits) == std::string::npos)) abort();
  return 0;
}
