#include "Portal.h"

namespace tendril {

struct Portal::Client {
  Client();  // not inline: there are four
  static void* operator new(size_t, void* at) { return at; }

  State state = State::Free;
  uint8_t index = 0;  // of its socket
  bool headRead = false, bodyBegun = false;
  bool keep = false, restart = false;  // once the answer is on its way
  uint16_t sent = 0, total = 0;        // of the answer
  Millis since = 0, moved = 0;         // the begin, and when bytes last came or went
  Request request;
  Draft draft;
  Answer answer;
};

Portal::Client::Client() = default;

// What the portal needs while it is open.
struct Portal::Work {
  static constexpr uint8_t kPhones = 8;

  static void* operator new(size_t, void* at) { return at; }

  Client clients[SetupSockets::kClients];
  Strongest networks;
  bool scanning = false;
  Millis scanSince = 0;
  // The phones that an app sets up from, by their addresses. The access points of
  // small chips serve no more; the oldest is forgotten.
  Address phones[kPhones];
  uint8_t nextPhone = 0;
  // One byte more than a question may have, so that a longer one shows.
  uint8_t buffer[kMaxQuestion + 1];
};

bool Portal::open() {
  static_assert(sizeof(Work) <= sizeof(Workspace), "the portal's clients don't fit");
  if (!sockets_.open()) return false;
  work_ = new (workspace_.bytes) Work;
  site_ = Site{sockets_.address(), sockets_.port(), options_.wizards, options_.wizardCount};
  return true;
}

void Portal::close() {
  if (work_ == nullptr) return;
  for (Client& client : work_->clients) {
    if (client.state != State::Free) end(client);
  }
  work_ = nullptr;
  sockets_.close();
}

void Portal::tick(Millis now) {
  if (work_ == nullptr) return;
  now_ = now;
  answerNames();
  acceptClients();
  for (Client& client : work_->clients) serve(client);
  followScan();
}

void Portal::answerNames() {
  constexpr int kAtOnce = 4;
  for (int n = 0; n < kAtOnce; n++) {
    const size_t size = sockets_.readName(work_->buffer, sizeof work_->buffer);
    if (size == 0) return;
    const size_t answer = answerName(work_->buffer, size, site_.address);
    if (answer > 0) sockets_.writeName(work_->buffer, answer);
  }
}

void Portal::acceptClients() {
  for (uint8_t i = 0; i < SetupSockets::kClients; i++) {
    Client& client = work_->clients[i];
    if (client.state != State::Free) continue;
    if (!sockets_.accept(i)) return;
    new (&client) Client;
    client.state = State::Asking;
    client.index = i;
    client.since = client.moved = now_;
  }
  makeRoom();
}

// Whoever waits isn't seen before there is room. Those who said nothing go sooner:
// browsers open connections ahead. Those who wait for a scan stay.
void Portal::makeRoom() {
  uint32_t longest = 0;
  Client* who = nullptr;
  for (Client& client : work_->clients) {
    if (client.state == State::Scanning) continue;
    const bool asks = client.state == State::Asking;
    const uint32_t age = elapsed(now_, asks ? client.since : client.moved);
    if (age < (asks && client.request.silent() ? kShare / 2 : kShare) || age < longest) continue;
    longest = age;
    who = &client;
  }
  if (who != nullptr) end(*who);
}

void Portal::serve(Client& client) {
  switch (client.state) {
    case State::Asking:
      hear(client);
      if (client.state == State::Asking && elapsed(now_, client.since) >= (client.headRead ? kExchangeTime : kRequestTime)) end(client);
      break;
    case State::Answering:
      if (elapsed(now_, client.moved) >= kSilence) end(client);
      break;
    case State::Lingering: {
      int n = 1;
      for (int rounds = 0; n > 0 && rounds < kRounds; rounds++) n = sockets_.read(client.index, work_->buffer, sizeof work_->buffer);
      if (n < 0 || elapsed(now_, client.moved) >= kLinger) end(client);
      break;
    }
    default:
      break;
  }
  if (client.state == State::Answering) send(client);
}

void Portal::hear(Client& client) {
  for (int rounds = 0; client.state == State::Asking && rounds < kRounds; rounds++) {
    const int n = sockets_.read(client.index, work_->buffer, sizeof work_->buffer);
    if (n < 0) return end(client);
    if (n == 0) return;
    client.moved = now_;
    for (int at = 0; at < n && client.state == State::Asking; at++) take(client, static_cast<char>(work_->buffer[at]));
  }
}

// Takes a byte of a request.
void Portal::take(Client& client, char c) {
  Request& request = client.request;
  switch (request.push(c, site_, client.draft)) {
    case Request::Step::More:
      break;
    case Request::Step::Head:
      client.headRead = true;
      head(client);
      break;
    case Request::Step::Byte:
      // A body takes the query's place, once there is one.
      if (!client.bodyBegun) client.draft.begin(draftKind(request.bodyKind()));
      client.bodyBegun = true;
      client.draft.push(c);
      break;
    case Request::Step::Broken:
      client.answer.unreadable = request.status();
      return request.status() == HttpStatus::TooLarge ? tooLarge(client) : say(client, Say::Unreadable);
  }
  if (client.state == State::Asking && client.headRead && request.whole()) configure(client);
}

Draft::Kind Portal::draftKind(BodyKind kind) {
  return kind == BodyKind::Json ? Draft::Kind::Json : kind == BodyKind::Text ? Draft::Kind::Either : Draft::Kind::Form;
}

// Decides what a request is answered, but for a configuration's body.
void Portal::head(Client& client) {
  const Request& request = client.request;
  Answer& answer = client.answer;
  answer.headOnly = request.method() == Method::Head;
  answer.person = request.wantsPage();
  if (!request.ownHost()) return probe(client);
  answer.wizard = request.wizard();
  if (answer.wizard != kNoWizard && request.method() == Method::Options) {
    answer.asksPrivate = request.asksPrivate();
    return say(client, Say::Preflight);
  }
  if (!request.foreign()) device_.used();
  const bool reads = request.method() == Method::Get || request.method() == Method::Head;
  switch (request.route()) {
    case Route::Page:
    case Route::BoardInfo:
    case Route::Scan:
      if (!reads) return say(client, Say::NotAllowed);
      if (request.route() == Route::Scan) return beginScan(client);
      if (request.route() == Route::BoardInfo) return say(client, Say::Board);
      return say(client, request.takesGzip() ? Say::Page : Say::Form);
    case Route::Config:
    case Route::Reset:
    case Route::Reboot:
    case Route::App:
      return change(client);
    case Route::Redirect:
      return say(client, Say::Home);
    case Route::Unknown:
      return say(client, Say::NotFound);
    default:
      return probe(client);
  }
}

// What changes the device is for nobody whom a foreign page sent. GET is there
// because Blynk's apps ask so.
void Portal::change(Client& client) {
  const Request& request = client.request;
  if (request.method() != Method::Get && request.method() != Method::Post) {
    client.answer.allow = Allow::GetPost;
    return say(client, Say::NotAllowed);
  }
  if (request.foreign()) return say(client, Say::Forbidden);
  if (request.tooLong()) return tooLarge(client);
  switch (request.route()) {
    case Route::Reset: {
      bool kept = false;
      const bool done = device_.reset(kept);
      return say(client, !done ? Say::NotErased : kept ? Say::Kept : Say::Erased);
    }
    case Route::Reboot:
      client.restart = true;
      return say(client, Say::Restarting);
    case Route::App:
      if (request.method() != Method::Post) {
        client.answer.allow = Allow::Post;
        return say(client, Say::NotAllowed);
      }
      if (!isPhone(sockets_.peer(client.index))) {
        work_->phones[work_->nextPhone] = sockets_.peer(client.index);
        work_->nextPhone = static_cast<uint8_t>((work_->nextPhone + 1) % Work::kPhones);
      }
      return say(client, Say::App);
    default:
      break;
  }
  if (request.method() == Method::Get) return configure(client);
  switch (request.bodyKind()) {
    case BodyKind::Other:
    case BodyKind::Unreadable:
      return refuse(client, Parameter::ContentType);
    case BodyKind::Json:
      client.draft.begin(Draft::Kind::Json);
      client.bodyBegun = true;
      break;
    default:
      break;
  }
  // The body's bytes follow.
  if (!request.whole() && request.expectsContinue()) {
    static constexpr char kGoOn[] = "HTTP/1.1 100 Continue\r\n\r\n";
    sockets_.write(client.index, kGoOn, sizeof kGoOn - 1);
  }
}

void Portal::configure(Client& client) {
  Parameter field = client.draft.finish(board_, options_.tokenKnown);
  if (field != Parameter::None) return refuse(client, field);
  switch (device_.accept(client.draft.configuration(), client.draft.save(), field)) {
    case PortalDevice::Accepted::Yes:
      client.keep = true;
      return say(client, client.draft.save() ? Say::Saved : Say::Trying);
    case PortalDevice::Accepted::Busy:
      return say(client, Say::Busy);
    case PortalDevice::Accepted::Refused:
      return refuse(client, field);
    case PortalDevice::Accepted::Failed:
      return say(client, Say::NotStored);
  }
}

void Portal::refuse(Client& client, Parameter field) {
  client.answer.field = field;
  say(client, Say::Invalid);
}

void Portal::tooLarge(Client& client) {
  client.answer.field = Parameter::Body;
  say(client, Say::TooLarge);
}

// A phone asks whether it is on the internet, or somebody for somebody else's pages:
// they see the device's, unless an app is in use.
void Portal::probe(Client& client) {
  const Route route = client.request.route();
  if (route < Route::Sound || route == Route::Unknown || !isPhone(sockets_.peer(client.index))) return say(client, Say::Home);
  client.answer.sound = static_cast<uint8_t>(static_cast<uint8_t>(route) - static_cast<uint8_t>(Route::Sound));
  say(client, Say::Sound);
}

bool Portal::isPhone(Address phone) const {
  for (const Address& each : work_->phones) {
    if (!each.isNone() && each == phone) return true;
  }
  return false;
}

// One scan serves all who wait for one. While somebody is still being sent a scan it
// stays as it is, and the next one gets the same.
void Portal::beginScan(Client& client) {
  for (const Client& each : work_->clients) {
    if (each.state == State::Answering && each.answer.say == Say::Networks) return say(client, Say::Networks);
  }
  client.state = State::Scanning;
  if (work_->scanning) return;
  work_->scanning = true;
  work_->scanSince = now_;
  device_.beginScan();
}

void Portal::followScan() {
  if (!work_->scanning) return;
  const Progress progress = device_.scan();
  if (progress == Progress::Working && elapsed(now_, work_->scanSince) < kScanTime) return;
  work_->scanning = false;
  const bool done = progress == Progress::Done;
  if (done) work_->networks.pick(device_);
  for (Client& client : work_->clients) {
    if (client.state == State::Scanning) say(client, done ? Say::Networks : Say::ScanFailed);
  }
}

void Portal::say(Client& client, Say what) {
  client.answer.say = what;
  client.draft.wipe();
  client.state = State::Answering;
  client.moved = now_;
  Writer counter(nullptr, 0);
  putAnswer(counter, client.answer, {device_, site_, work_->networks});
  client.total = static_cast<uint16_t>(counter.total());
}

void Portal::send(Client& client) {
  char* const buffer = reinterpret_cast<char*>(work_->buffer);
  for (int rounds = 0; client.sent < client.total && rounds < kRounds; rounds++) {
    Writer w(buffer, sizeof work_->buffer, client.sent);
    putAnswer(w, client.answer, {device_, site_, work_->networks});
    // What it tells of has changed meanwhile: half of each is no answer.
    if (w.total() != client.total) return end(client);
    const int n = sockets_.write(client.index, buffer, w.size());
    if (n < 0) return end(client);
    if (n == 0) return;
    client.sent = static_cast<uint16_t>(client.sent + n);
    client.moved = now_;
  }
  if (client.sent < client.total) return;
  if (client.request.whole()) return end(client);
  client.state = State::Lingering;
  act(client);
}

// Does what waited for the answer.
void Portal::act(Client& client) {
  if (client.keep) device_.kept();
  if (client.restart) device_.reboot();
  client.keep = client.restart = false;
}

void Portal::end(Client& client) {
  client.state = State::Free;
  client.draft.wipe();
  sockets_.drop(client.index);
  act(client);
}

}  // namespace tendril
