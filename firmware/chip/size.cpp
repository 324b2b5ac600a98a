// All of the firmware in one program, as a sketch has it, on a chip whose radio, flash
// and cloud are made up. It lives through what takes the most: its page and its lists
// are fetched, it is configured, restarts, logs in, hears and says values, is reset by
// its button. It tells how deep the stack went in each.

#include "Model.h"
#include "Tendril.h"

#include <string.h>

using tendril::Code;
using tendril::Progress;
using tendril::Text;

namespace {

// What a restart leaves: flash, and where the story is.
#define KEPT __attribute__((section(".noinit")))

enum class Chapter : uint32_t { Setup, Login, Erase, End };

KEPT uint8_t sectors[tendril::kSlots * tendril::kSectorSize];
KEPT Chapter chapter;
KEPT uint32_t begun;
constexpr uint32_t kBegun = 0x54656E64;

tendril::Millis clock_;
bool failed_;
const char* where_ = "the start";

void told() {
  model::print("stack ");
  model::print(static_cast<long long>(model::depth()));
  model::print(" in ");
  model::print(where_);
  model::print("\n");
}

void must(bool condition, const char* what) {
  if (condition) return;
  failed_ = true;
  model::print("FAILED: ");
  model::print(what);
  model::print("\n");
}

class Sectors : public tendril::Flash {
 public:
  bool read(uint32_t offset, void* into, size_t size) override {
    memcpy(into, sectors + offset, size);
    return true;
  }
  bool write(uint32_t offset, const void* data, size_t size) override {
    for (size_t i = 0; i < size; i++) sectors[offset + i] &= static_cast<const uint8_t*>(data)[i];
    return true;
  }
  bool erase(uint8_t sector) override {
    memset(sectors + sector * tendril::kSectorSize, 0xFF, tendril::kSectorSize);
    return true;
  }
};

class Air : public tendril::Radio {
 public:
  void mac(uint8_t into[6]) override { memcpy(into, "\x02tndrl", 6); }
  void beginScan() override {}
  Progress scan() override { return Progress::Done; }
  uint16_t found() override { return tendril::kMaxScan; }
  bool foundAt(uint16_t i, tendril::Network& into) override {
    into.ssid.set("A network \"with\" \\ a long name");
    into.rssi = static_cast<int8_t>(-40 - i);
    into.bssid[5] = static_cast<uint8_t>(i);
    into.security = "WPA2+WPA3";
    return true;
  }
  bool openSetup(Text, Text) override { return true; }
  void closeSetup() override {}
  void beginJoin(const tendril::Configuration&) override { joined_ = true; }
  Progress join(bool& associated, Code&) override {
    associated = true;
    return Progress::Done;
  }
  bool joined() override { return joined_; }
  tendril::Address address() override { return {{192, 168, 1, 2}}; }
  int8_t rssi() override { return -50; }
  void leave() override { joined_ = false; }

 private:
  bool joined_ = false;
};

// Each frame that the device sends is answered 200; what the cloud says is put in.
class Cloud : public tendril::Connection {
 public:
  void beginResolve(Text) override {}
  Progress resolve(Code&) override { return Progress::Done; }
  void beginConnect(Text, uint16_t, bool) override { open_ = true; }
  Progress connect(Code&) override { return Progress::Done; }
  int read(void* into, size_t size) override {
    if (!open_) return -1;
    const size_t n = size < have_ ? size : have_;
    memcpy(into, out_, n);
    memmove(out_, out_ + n, have_ - n);
    have_ -= n;
    return static_cast<int>(n);
  }
  int write(const void* data, size_t size) override {
    if (!open_) return -1;
    for (size_t i = 0; i < size; i++) take(static_cast<const uint8_t*>(data)[i]);
    return static_cast<int>(size);
  }
  void close() override { open_ = false; }

  void say(uint8_t command, Text body) {
    const uint8_t head[5] = {command, 0, 7, 0, static_cast<uint8_t>(body.size)};
    put(head, sizeof head);
    put(body.data, body.size);
  }
  int frames() const { return frames_; }

 private:
  void put(const void* data, size_t size) {
    if (have_ + size > sizeof out_) return;
    memcpy(out_ + have_, data, size);
    have_ += size;
  }
  void take(uint8_t c) {
    if (body_ > 0) {
      body_--;
      return;
    }
    head_[got_++] = c;
    if (got_ < sizeof head_) return;
    got_ = 0;
    frames_++;
    if (head_[0] == 0) return;  // an answer has no body
    body_ = head_[3] * 256u + head_[4];
    const uint8_t answer[5] = {0, head_[1], head_[2], 0, 200};
    if (head_[0] != 20) put(answer, sizeof answer);
  }

  bool open_ = false;
  uint8_t out_[512];
  size_t have_ = 0;
  uint8_t head_[5];
  size_t got_ = 0, body_ = 0;
  int frames_ = 0;
};

// One client at a time asks what it is told to.
class Phone : public tendril::SetupSockets {
 public:
  bool open() override { return true; }
  void close() override { here_ = false; }
  tendril::Address address() override { return {{192, 168, 4, 1}}; }
  uint16_t port() override { return 80; }
  bool accept(uint8_t i) override {
    if (!waiting_) return false;
    waiting_ = false;
    here_ = true;
    number_ = i;
    return true;
  }
  tendril::Address peer(uint8_t) override { return {{192, 168, 4, 2}}; }
  int read(uint8_t i, void* into, size_t size) override {
    if (!here_ || i != number_) return -1;
    const size_t n = size < left_.size ? size : left_.size;
    memcpy(into, left_.data, n);
    left_ = left_.from(n);
    return static_cast<int>(n);
  }
  int write(uint8_t i, const void* data, size_t size) override {
    if (!here_ || i != number_) return -1;
    const size_t room = sizeof start_ - heard_;
    if (heard_ < sizeof start_) memcpy(start_ + heard_, data, size < room ? size : room);
    heard_ += size;
    return static_cast<int>(size);
  }
  void drop(uint8_t i) override {
    if (i == number_) here_ = false;
  }
  size_t readName(void*, size_t) override { return 0; }
  void writeName(const void*, size_t) override {}

  void ask(Text request) {
    waiting_ = true;
    left_ = request;
    heard_ = 0;
  }
  bool busy() const { return waiting_ || here_; }
  size_t heard() const { return heard_; }
  bool answered(Text start) const { return Text(start_, sizeof start_ < heard_ ? sizeof start_ : heard_).startsWith(start); }

 private:
  bool waiting_ = false, here_ = false;
  uint8_t number_ = 0;
  Text left_;
  char start_[16];
  size_t heard_ = 0;
};

class Desk : public tendril::Board {
 public:
  uint32_t random() override { return state_ = state_ * 1664525 + 1013904223; }
  void restart() override {
    told();
    // As the chip does: everything but what is marked as kept is made anew.
    asm volatile("jx %0" ::"a"(0x50000000));
  }
  const char* resetReason() override { return "restart"; }
  bool buttonHeld() override { return held_; }
  void light(uint8_t) override {}
  void pbkdf2(Text, Text, uint16_t, uint8_t* into, size_t size) override { memset(into, 1, size); }
  void log(Text) override {}

  bool held_ = false;

 private:
  uint32_t state_ = 1;
};

Sectors flash;
Air radio;
Cloud cloud;
Phone phone;
Desk desk;
tendril::Port port{flash, radio, cloud, phone, desk};

int written;

void run(uint32_t milliseconds) {
  for (uint32_t t = 0; t < milliseconds; t += 20) {
    clock_ += 20;
    Tendril.run();
  }
}

void during(const char* what) {
  where_ = what;
  model::paint();
}

void request(const char* what, const char* text, const char* status) {
  during(what);
  phone.ask(text);
  for (int i = 0; i < 500 && phone.busy(); i++) run(20);
  must(phone.answered(status), what);
  told();
}

constexpr uint8_t moisture = V0, pump = V1;

TENDRIL_WRITE(pump) { written = param.asInt(); }
TENDRIL_READ(moisture) { Tendril.write(moisture, 21.5); }
void measure() { Tendril.write(moisture, 1234.5678); }

void setUp() {
  during("setup opening");
  run(3000);
  told();
  request("the page", "GET / HTTP/1.1\r\nHost: 192.168.4.1\r\n\r\n", "HTTP/1.1 200");
  request("board info", "GET /board_info.json HTTP/1.1\r\nHost: 192.168.4.1\r\n\r\n", "HTTP/1.1 200");
  request("the list of networks", "GET /wifi_scan.json HTTP/1.1\r\nHost: 192.168.4.1\r\n\r\n", "HTTP/1.1 200");
  request("a redirect", "GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.example\r\n\r\n", "HTTP/1.1 302");
  request("a refusal in words", "GET /config?ssid=%22&blynk=x HTTP/1.1\r\nHost: 192.168.4.1\r\nAccept: text/html\r\n\r\n", "HTTP/1.1 500");
  chapter = Chapter::Login;
  request("a configuration",
          "POST /config HTTP/1.1\r\nHost: 192.168.4.1\r\nOrigin: https://wizard.example\r\nContent-Type: application/json\r\nContent-Length: 138\r\n\r\n"
          "{\"ssid\":\"A network \\u0022with\\u0022 a name\",\"pass\":\"secret-pass\",\"blynk\":\"abcdefghijklmnopqrstuvwxyz012345\",\"host\":\"cloud.example\",\"x\":1}  ",
          "HTTP/1.1 200");
  during("storing it");
  run(10000);
  must(false, "it restarts");
}

void logIn() {
  during("joining and logging in");
  run(5000);
  told();
  must(Tendril.connected(), "it is online");
  during("values both ways");
  cloud.say(20, Text("vw\0001\0001", 6));
  cloud.say(20, Text("vr\0000", 4));
  Tendril.logEvent("dry", "The soil is dry");
  const int before = cloud.frames();
  run(6000);
  told();
  must(written == 1, "a value comes");
  must(cloud.frames() > before + 2, "values go");
  during("the button");
  chapter = Chapter::Erase;
  desk.held_ = true;
  run(11000);
  desk.held_ = false;
  run(1000);
  // It may restart in this.
}

void erased() {
  during("setup again");
  run(3000);
  told();
  must(!Tendril.connected(), "everything is erased");
}

}  // namespace

namespace tendril {

Port& chip(const Wiring&) { return port; }
Millis uptime() { return clock_; }

}  // namespace tendril

int model::program() {
  if (begun != kBegun) {
    begun = kBegun;
    chapter = Chapter::Setup;
    memset(sectors, 0xFF, sizeof sectors);
  }
  static const char* const wizards[] = {"https://wizard.example"};
  tendril::Product product;
  product.templateId = "TMPL4kX0pQ2a";
  product.name = "myPlant";
  product.vendor = "Blynk";
  product.board = "model";
  product.host = "cloud.example";
  product.tls = false;
  product.wizardOrigins = wizards;
  product.wizardOriginCount = 1;
  during("the start");
  Tendril.every(5000, measure);
  Tendril.begin(product);
  if (chapter == Chapter::Setup) setUp();
  if (chapter == Chapter::Login) logIn();
  if (chapter == Chapter::Erase) erased();
  return failed_ ? 1 : 0;
}
