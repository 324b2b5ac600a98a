#include "Link.h"

#include "../Text/Lines.h"

namespace tendril {

namespace {

constexpr uint16_t kLoginId = 1;
// How long the network may take nothing of what is to be sent.
constexpr uint32_t kSendPatience = 10000;
// Frames of the outbox that may go at once, and the pause in which one more may:
// clouds drop what comes faster than some dozens a second.
constexpr uint8_t kBurst = 32;
constexpr uint32_t kPace = 50;
// The longest answer to a frame. While there is less room, no frame is heard.
constexpr size_t kMaxAnswer = 256;
static_assert(kMaxAnswer <= kMaxOwn && kMaxFrame + 1 + kMaxOwn <= kWorkspace, "both buffers are the workspace's");
// What the info says, in the order of the libraries from 1.3 on. All but two of the
// values are Info's.
TENDRIL_ROM_TEXT(kInfo, "mcu\nfw-type\nbuild\nblynk\nh-beat\nbuff-in\ndev\ncpu\ncon\ntmpl");
constexpr uint8_t kInfoNames = 10, kHeartbeat = 4, kBuffer = 5;
// The longest name, and two NULs.
constexpr size_t kInfoName = 9;

// What the cloud says in an info.
enum class Topic : uint8_t { Time, Debug, Update, Utc, Meta, Connected, Disconnected, Files, None = kNoLine };
// In the order of Topic.
TENDRIL_ROM_TEXT(kTopics, "rtc\ndbg\nota\nutc\nmeta\nacon\nadis\nvfs");

// What one tick reads at most, so that a flood doesn't keep it.
constexpr int kReads = 8;

}  // namespace

void Link::begin(Text token, const Info& info, Millis now) {
  info_ = &info;
  state_ = State::LoggingIn;
  code_ = Code::None;
  id_ = kLoginId;
  have_ = outAt_ = outEnd_ = sentOf_ = 0;
  credit_ = kBurst;
  now_ = in_ = said_ = ping_ = moved_ = credited_ = now;
  host_.clear();
  (void)send(Command::Login, kLoginId, &token, 1);
  (void)pump();
}

Link::State Link::tick(Millis now) {
  now_ = now;
  if (state_ == State::Ended) return state_;
  const bool loggingIn = state_ == State::LoggingIn;
  refill();
  receive();
  if (loggingIn && state_ == State::Online) return state_;
  keepAlive();
  (void)pump();
  return state_;
}

void Link::finish(Code code) {
  if (state_ == State::Ended) return;
  state_ = State::Ended;
  code_ = code;
  outbox_.lost();
  connection_.close();
  // The token was in there.
  memset(workspace_.bytes, 0, sizeof workspace_.bytes);
}

bool Link::redirected(Field<kMaxRedirectHost>& host, uint16_t& port) const {
  if (host_.empty()) return false;
  host = host_;
  port = port_;
  return true;
}

uint16_t Link::nextId() {
  if (++id_ == 0) id_ = 1;
  return id_;
}

void Link::refill() {
  const uint32_t more = elapsed(now_, credited_) / kPace;
  credited_ += more * kPace;
  credit_ = more > static_cast<uint32_t>(kBurst - credit_) ? kBurst : static_cast<uint8_t>(credit_ + more);
}

// Puts a frame of the link's own into out(). False: there is no room.
bool Link::send(Command command, uint16_t id, const Text* fields, size_t count) {
  const size_t size = kFrameHeader + bodySize(fields, count);
  if (size > room()) return false;
  memmove(out(), out() + outAt_, static_cast<size_t>(outEnd_ - outAt_));
  outEnd_ = static_cast<uint16_t>(outEnd_ - outAt_);
  outAt_ = 0;
  putFrame(out() + outEnd_, command, id, fields, count);
  outEnd_ = static_cast<uint16_t>(outEnd_ + size);
  return true;
}

bool Link::ask(Command command, const Text* fields, size_t count) {
  return state_ == State::Online && send(command, nextId(), fields, count) && pump();
}

bool Link::sync() { return ask(Command::Sync, nullptr, 0); }

bool Link::sync(uint8_t pin) {
  const Digits number(pin);
  const Text fields[] = {"vr", number.text()};
  return ask(Command::Sync, fields, 2);
}

bool Link::askTime() {
  const Text fields[] = {"rtc", "sync"};
  return ask(Command::Info, fields, 2);
}

bool Link::askUtc(Text what) {
  const Text fields[] = {"utc", what};
  return ask(Command::Info, fields, 2);
}

bool Link::askMeta(Text field) {
  const Text fields[] = {"meta", "get", field};
  return ask(Command::Info, fields, 3);
}

void Link::respond(uint16_t id, Status status) {
  (void)send(Command::Response, id, nullptr, 0);
  // A response's length is its status.
  uint8_t* const header = out() + outEnd_ - kFrameHeader;
  header[3] = static_cast<uint8_t>(static_cast<uint16_t>(status) >> 8);
  header[4] = static_cast<uint8_t>(status);
}

// The frame's body is made apart, where no frame is being received yet.
void Link::sendInfo() {
  const Digits heartbeat(timing_.heartbeatSeconds);
  const Digits buffer(kMaxFrame);
  char body[kMaxOwn - kFrameHeader];
  Writer w(body, sizeof body);
  for (uint8_t i = 0; i < kInfoNames; i++) {
    const Text value = i == kHeartbeat ? heartbeat.text() : i == kBuffer ? buffer.text() : info_->values[i < kHeartbeat ? i : i - 2];
    if (value.empty() || w.total() + kInfoName + value.size > sizeof body) continue;
    if (w.total() > 0) w.put('\0');
    putLine(w, kInfo, i);
    w.put('\0');
    w.put(value);
  }
  const Text all = w.text();
  (void)send(Command::Info, nextId(), &all, 1);
}

// Sends data from done on. False: some is left, since the network takes no more, or the
// connection is over.
bool Link::push(const uint8_t* data, size_t size, uint16_t& done) {
  const int n = connection_.write(data + done, size - done);
  if (n < 0) {
    finish(Code::Cloud);
    return false;
  }
  done = static_cast<uint16_t>(done + n);
  if (n > 0) moved_ = now_;
  if (done == size) {
    said_ = now_;
    return true;
  }
  if (elapsed(now_, moved_) >= kSendPatience) finish(Code::Cloud);
  return false;
}

// Sends what waits, as far as the network takes it: a frame that is begun, then the
// link's own, then the outbox's as the pace allows. True, since the rest waits on.
bool Link::pump() {
  while (state_ != State::Ended) {
    if (sentOf_ == 0 && outAt_ < outEnd_) {
      if (!push(out(), outEnd_, outAt_)) return true;
    }
    if (!outbox_.isSending()) {
      if (state_ != State::Online || outbox_.empty() || credit_ == 0) break;
      credit_--;
      outbox_.begin(nextId());
    }
    const Text frame = outbox_.front();
    if (!push(reinterpret_cast<const uint8_t*>(frame.data), frame.size, sentOf_)) return true;
    outbox_.sent();
    sentOf_ = 0;
  }
  moved_ = now_;
  return true;
}

// A ping when it has been quiet one way for a heartbeat. When the cloud has been
// silent for too long, the connection is over whatever TCP thinks.
void Link::keepAlive() {
  const uint32_t heard = elapsed(now_, in_);
  if (state_ == State::LoggingIn && heard >= timing_.login) return finish(Code::Cloud);
  if (state_ != State::Online) return;
  const uint32_t heartbeat = timing_.heartbeatSeconds * 1000u;
  if (heard >= heartbeat + timing_.silence) return finish(Code::Cloud);
  const uint32_t said = elapsed(now_, said_);
  const uint32_t quiet = heard > said ? heard : said;
  if (quiet >= heartbeat && elapsed(now_, ping_) >= heartbeat) {
    (void)send(Command::Ping, nextId(), nullptr, 0);
    ping_ = now_;
  }
}

void Link::receive() {
  const bool loggingIn = state_ == State::LoggingIn;
  for (int i = 0; i < kReads && state_ != State::Ended; i++) {
    while (takeFrame()) {
      if (loggingIn) return;
      (void)pump();
    }
    if (state_ == State::Ended || have_ == kMaxFrame) return;
    const int n = connection_.read(in() + have_, kMaxFrame - have_);
    if (n < 0) return finish(Code::Cloud);
    if (n == 0) return;
    have_ = static_cast<uint16_t>(have_ + n);
  }
}

// Serves the first frame, if all of it is there, and room for its answer.
bool Link::takeFrame() {
  if (state_ == State::Ended || have_ < kFrameHeader || room() < kMaxAnswer) return false;
  if (state_ == State::LoggingIn && memcmp(in(), "HTTP/", kFrameHeader) == 0) {
    finish(Code::CaptivePortal);
    return false;
  }
  const FrameHeader header = parseHeader(in());
  const size_t size = kFrameHeader + header.bodySize();
  if (header.id == 0 || size > kMaxFrame) {
    finish(Code::CloudOther);
    return false;
  }
  if (have_ < size) return false;
  in_ = now_;
  const Text body(reinterpret_cast<const char*>(in() + kFrameHeader), size - kFrameHeader);
  if (state_ == State::LoggingIn) {
    answer(header, body);
  } else {
    handle(header, body);
  }
  if (state_ == State::Ended) return false;
  have_ = static_cast<uint16_t>(have_ - size);
  memmove(in(), in() + size, have_);
  return true;
}

// The answer to the login.
void Link::answer(const FrameHeader& header, Text body) {
  if (header.command == Command::Redirect) return redirect(body);
  if (header.command != Command::Response || header.id != kLoginId) return finish(Code::CloudOther);
  switch (header.status()) {
    case Status::Ok:
    case Status::AlreadyRegistered:
      state_ = State::Online;
      sendInfo();
      return;
    case Status::InvalidToken: return finish(Code::Token);
    default: return finish(Code::CloudOther);
  }
}

// What no device takes ends the link, as in the libraries.
void Link::handle(const FrameHeader& header, Text body) {
  switch (header.command) {
    case Command::Response:
      // The cloud has forgotten the login.
      if (header.status() == Status::NotAuthenticated) finish(Code::CloudOther);
      return;
    case Command::Ping: return respond(header.id, Status::Ok);
    case Command::Hardware:
    case Command::Bridge: return hardware(header.id, body);
    case Command::Info: return info(body);
    case Command::Redirect: return redirect(body);
    case Command::Login:
    case Command::Print: return;
    default: return finish(Code::CloudOther);
  }
}

void Link::hardware(uint16_t id, Text body) {
  Text operation;
  Text number;
  uint8_t pin = 0;
  takeField(body, operation);
  if (operation == "pm") return;  // there are no pins to set up
  const bool hasValue = takeField(body, number);
  const bool ofPin = operation.size == 2 && (operation[0] == 'v' || operation[0] == 'd' || operation[0] == 'a');
  if (ofPin && parsePin(number, pin)) {
    if (operation[1] == 'r') return readPin(id, operation, pin);
    if (operation[1] == 'w' && hasValue) {
      // The 0.6 libraries end a body with a NUL.
      if (!body.empty() && body[body.size - 1] == 0) body = body.first(body.size - 1);
      if (operation[0] == 'v') tellWrite(pin, body);
      return;
    }
  }
  respond(id, Status::IllegalCommand);
}

// Tells a written value, with a NUL behind it, so that handlers may take it for a C
// string. What is there belongs to the next frame.
void Link::tellWrite(uint8_t pin, Text value) {
  if (value.empty()) return events_.onWrite(pin, Text());
  uint8_t* const end = in() + (reinterpret_cast<const uint8_t*>(value.data) - in()) + value.size;
  const uint8_t behind = *end;
  *end = 0;
  events_.onWrite(pin, value);
  if (state_ != State::Ended) *end = behind;
}

// What is read goes back under the same id. A hardware pin is an unconnected input.
void Link::readPin(uint16_t id, Text operation, uint8_t pin) {
  char value[kMaxAnswer - kFrameHeader - sizeof "vw.255"];
  Writer writer(value, sizeof value);
  Text answer = "0";
  if (operation[0] == 'v') {
    if (!events_.onRead(pin, writer) || writer.overflow()) return;
    answer = writer.text();
  }
  if (state_ != State::Online) return;
  const char write[] = {operation[0], 'w'};
  const Digits number(pin);
  const Text fields[] = {{write, sizeof write}, number.text(), answer};
  (void)send(Command::Hardware, id, fields, 3);
}

void Link::info(Text body) {
  Text topic;
  Text field;
  Text rest = body;
  const bool more = takeField(rest, topic);
  Text values = rest;
  takeField(values, field);
  uint32_t seconds = 0;
  switch (static_cast<Topic>(lineOf(kTopics, topic))) {
    case Topic::Time:
      if (more && parseNumber(field, 0xFFFFFFFF, seconds)) events_.onTime(seconds);
      return;
    case Topic::Update: return events_.onUpdate(field);
    case Topic::Utc: return events_.onUtc(field, values);
    case Topic::Meta: return events_.onMeta(field, values);
    case Topic::None: return;
    case Topic::Debug:
      if (field == "reboot") return events_.onRestart();
      [[fallthrough]];
    default: return events_.onNotice(topic);
  }
}

void Link::redirect(Text body) {
  Text host;
  Text number;
  uint32_t port = 80;  // as the libraries have it
  const bool hasPort = takeField(body, host);
  takeField(body, number);
  const bool sound = !hasPort || number.empty() || (parseNumber(number, 65535, port) && port != 0);
  if (!sound || host.empty() || !host_.set(host)) return finish(Code::CloudOther);
  port_ = static_cast<uint16_t>(port);
  finish(Code::None);
}

}  // namespace tendril
