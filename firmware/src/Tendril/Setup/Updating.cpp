// A newer program from the cloud: while it is fetched the device is offline, since there
// is memory for one connection.
#include "../Device.h"

namespace tendril {
namespace {

const char* nameOf(Update::Fault fault) {
  switch (fault) {
    case Update::Fault::Url: return "the URL can't be read";
    case Update::Fault::Plain: return "the URL must be https";
    case Update::Fault::Unreachable: return "the server can't be reached";
    case Update::Fault::Answer: return "the server has no image there";
    case Update::Fault::NoDigest: return "the image comes without a digest";
    case Update::Fault::NoRoom: return "the image doesn't fit";
    case Update::Fault::Flash: return "the flash failed";
    case Update::Fault::CutShort: return "the image was cut short";
    case Update::Fault::Digest: return "the image isn't what the server has";
    case Update::Fault::None: break;
  }
  return "";
}

}  // namespace

void Device::onUpdate(Text url) {
  if (port_.updater == nullptr) return tell(Event::Notice);
  Update::Options options;
  options.allowPlain = product_.updatesByHttp;
  options.allowNoDigest = product_.updatesWithoutDigest;
  updates_ = update_.begin(url, product_.tls, options);
  tell(updates_ ? Event::Updating : Event::NotUpdated);
  if (!updates_) link_.setMeta("Update Error", nameOf(update_.fault()));
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
  tell(Event::NotUpdated);
  // The cloud hears of it once the device is online again.
  link_.setMeta("Update Error", nameOf(update_.fault()));
  return rest();
}

}  // namespace tendril
