// A newer program from the cloud: while it is fetched the device is offline, since there
// is memory for one connection.
#include "../Device.h"
#include "../Text/Lines.h"

namespace tendril {
namespace {

// In the order of Update::Fault.
TENDRIL_ROM_TEXT(kFaults,
                 "\nthe URL can't be read\nthe URL must be https\nthe server can't be reached\nthe server has no image there\n"
                 "the image comes without a digest\nthe image doesn't fit\nthe flash failed\nthe image was cut short\n"
                 "the image isn't what the server has");

}  // namespace

void Device::onUpdate(Text url) {
  if (port_.updater == nullptr) return tell(Event::Notice);
  Update::Options options;
  options.allowPlain = product_.updatesByHttp;
  options.allowNoDigest = product_.updatesWithoutDigest;
  updates_ = update_.begin(url, product_.tls, options);
  if (!updates_) return notUpdated();
  tell(Event::Updating);
}

// The cloud hears of it at once, or when the device is online again.
void Device::notUpdated() {
  tell(Event::NotUpdated);
  char why[40];
  Writer w(why, sizeof why);
  putLine(w, kFaults, static_cast<uint8_t>(update_.fault()));
  link_.setMeta("Update Error", w.text());
}

State Device::runUpdating() {
  switch (update_.tick(now_)) {
    case Update::State::Working:
      return state_;
    case Update::State::Done:
      tell(Event::Updated);
      return State::Restarting;
    default:
      break;
  }
  notUpdated();
  return rest();
}

}  // namespace tendril
