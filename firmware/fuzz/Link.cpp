// A cloud that answers rubbish, in rubbish pieces. The first byte says how the rest is
// cut; the login's answer is part of the rest.
#include <Tendril/Link/Link.h>
#include <Tendril/Text/Writer.h>

#include <cstdlib>

#include "tests/FakeCloud.h"

namespace {

class Events : public tendril::LinkEvents {
 public:
  void onWrite(uint8_t, tendril::Text value) override { take(value); }
  bool onRead(uint8_t pin, tendril::Writer& into) override {
    into.number(pin);
    return pin % 2 == 0;
  }
  void onTime(uint32_t) override {}
  void onUtc(tendril::Text what, tendril::Text value) override { take(what), take(value); }
  void onMeta(tendril::Text field, tendril::Text value) override { take(field), take(value); }
  void onRestart() override {}
  void onUpdate(tendril::Text url) override { take(url); }
  void onNotice(tendril::Text topic) override { take(topic); }

 private:
  // Touches every byte, so that the sanitizer sees one that isn't there.
  void take(tendril::Text text) {
    for (size_t i = 0; i < text.size; i++) sum_ += static_cast<unsigned char>(text[i]);
  }
  unsigned sum_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  FakeCloud cloud;
  Events events;
  tendril::Workspace workspace = {};
  const tendril::Timing timing;
  const tendril::Info info;
  tendril::Link link(cloud, events, workspace, timing);
  link.begin("abcdefghijklmnopqrstuvwxyz-_0123", info, 0);
  cloud.chunk = data[0] % 64 + 1u;
  cloud.toDevice.assign(reinterpret_cast<const char*>(data + 1), size - 1);
  tendril::Millis now = 0;
  for (int i = 0; i < 10000 && !cloud.toDevice.empty() && link.state() != tendril::Link::State::Ended; i++) link.tick(now += 10);
  if (link.isOnline()) link.write(1, "still here");
  for (int i = 0; i < 100 && link.state() != tendril::Link::State::Ended; i++) link.tick(now += 1000);
  // Silence ends it, whatever came before.
  if (link.state() != tendril::Link::State::Ended || !cloud.closed) abort();

  // What left are whole frames, none with id 0.
  const std::string& sent = cloud.fromDevice;
  for (size_t at = 0; at < sent.size();) {
    if (sent.size() - at < tendril::kFrameHeader) abort();
    const tendril::FrameHeader header = tendril::parseHeader(reinterpret_cast<const uint8_t*>(sent.data() + at));
    at += tendril::kFrameHeader + header.bodySize();
    if (header.id == 0 || at > sent.size()) abort();
  }
  return 0;
}
