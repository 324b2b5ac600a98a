#include "Update.h"

#include "../Text/Writer.h"

namespace tendril {

namespace {

// Without a byte in either direction.
constexpr uint32_t kStall = 30000;
// However slowly bytes come: the device is offline meanwhile.
constexpr uint32_t kWhole = 600000;
constexpr size_t kPart = 512;
// What one tick takes at most: writing flash takes its time.
constexpr int kParts = 4;
static_assert(kPart <= kWorkspace && kMaxPath + kMaxRedirectHost + 128 <= kWorkspace, "the request and the parts are in the workspace");

}  // namespace

bool Update::begin(Text url, bool tls, const Options& options) {
  stop();
  head_ = Head();
  options_ = options;
  received_ = 0;
  asked_ = 0;
  step_ = Step::Begin;
  state_ = State::Failed;
  fault_ = Fault::None;
  if (!url_.parse(url)) {
    fault_ = Fault::Url;
  } else if (tls && !url_.tls && !options.allowPlain) {
    fault_ = Fault::Plain;
  } else {
    state_ = State::Working;
  }
  return state_ == State::Working;
}

void Update::stop() {
  if (state_ == State::Working) over(State::Idle);
}

Update::State Update::over(State state) {
  if (step_ != Step::Begin) connection_.close();
  if (writing_) updater_->abort();
  writing_ = false;
  return state_ = state;
}

void Update::fail(Fault fault) {
  fault_ = fault;
  over(State::Failed);
}

Update::State Update::tick(Millis now) {
  if (state_ != State::Working) return state_;
  now_ = now;
  Code why = Code::None;
  Progress progress = Progress::Working;
  switch (step_) {
    case Step::Begin:
      began_ = moved_ = now;
      connection_.beginResolve(url_.host.text());
      step_ = Step::Resolve;
      break;
    case Step::Resolve:
      progress = connection_.resolve(why);
      if (progress == Progress::Done) {
        connection_.beginConnect(url_.host.text(), url_.port, url_.tls);
        step_ = Step::Connect;
      }
      break;
    case Step::Connect:
      progress = connection_.connect(why);
      if (progress == Progress::Done) step_ = Step::Ask;
      break;
    case Step::Ask: ask(); break;
    case Step::Head: readHead(); break;
    case Step::Body: readBody(); break;
  }
  if (state_ != State::Working) return state_;
  const bool tooLong = elapsed(now_, moved_) >= kStall || elapsed(now_, began_) >= kWhole;
  if (progress == Progress::Failed || tooLong) fail(step_ < Step::Head ? Fault::Unreachable : Fault::CutShort);
  return state_;
}

// HTTP/1.0, so that the image comes as it is and the connection ends with it.
void Update::ask() {
  Writer w(reinterpret_cast<char*>(workspace_.bytes), sizeof workspace_.bytes);
  w.put("GET ");
  w.put(url_.path.text());
  w.put(" HTTP/1.0\r\nHost: ");
  w.put(url_.host.text());
  if (url_.port != (url_.tls ? 443 : 80)) {
    w.put(':');
    w.number(url_.port);
  }
  w.put("\r\nUser-Agent: Tendril\r\nConnection: close\r\n\r\n");
  const Text request = w.text();
  const int n = connection_.write(request.data + asked_, request.size - asked_);
  if (n < 0) return fail(Fault::Unreachable);
  if (n > 0) moved_ = now_;
  asked_ = static_cast<uint16_t>(asked_ + n);
  if (asked_ == request.size) step_ = Step::Head;
}

void Update::readHead() {
  const int n = connection_.read(workspace_.bytes, kPart);
  if (n < 0) return fail(Fault::Answer);
  if (n > 0) moved_ = now_;
  for (int i = 0; i < n; i++) {
    const Head::Got got = head_.take(static_cast<char>(workspace_.bytes[i]));
    if (got == Head::Got::More) continue;
    if (got == Head::Got::Broken || head_.status() != 200 || head_.length() == 0) return fail(Fault::Answer);
    if (!head_.hasDigest() && !options_.allowNoDigest) return fail(Fault::NoDigest);
    if (!updater_->begin(head_.length())) return fail(Fault::NoRoom);
    writing_ = true;
    step_ = Step::Body;
    return take(workspace_.bytes + i + 1, static_cast<size_t>(n - i - 1));
  }
}

void Update::readBody() {
  for (int i = 0; i < kParts && state_ == State::Working; i++) {
    const uint32_t left = head_.length() - received_;
    const int n = connection_.read(workspace_.bytes, left < kPart ? left : kPart);
    if (n < 0) return fail(Fault::CutShort);
    if (n == 0) return;
    take(workspace_.bytes, static_cast<size_t>(n));
  }
}

// Takes a part of the image. What is behind its end is nobody's.
void Update::take(const uint8_t* data, size_t size) {
  const uint32_t left = head_.length() - received_;
  if (size > left) size = left;
  moved_ = now_;
  if (size > 0 && !updater_->write(data, size)) return fail(Fault::Flash);
  received_ += static_cast<uint32_t>(size);
  if (received_ < head_.length()) return;

  uint8_t digest[Md5::kSize];
  updater_->md5(digest);
  if (head_.hasDigest() && memcmp(digest, head_.digest(), sizeof digest) != 0) return fail(Fault::Digest);
  if (!updater_->commit()) return fail(Fault::Flash);
  writing_ = false;
  over(State::Done);
}

}  // namespace tendril
