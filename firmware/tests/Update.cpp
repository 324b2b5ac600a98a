#include <Tendril/Update/Update.h>
#include <gtest/gtest.h>

#include <functional>

#include "Configurations.h"
#include "FakeCloud.h"
#include "FakeUpdater.h"

using tendril::Progress;
using tendril::Update;

namespace {

std::string md5Of(const std::string& data) {
  tendril::Md5 md5;
  md5.add(reinterpret_cast<const uint8_t*>(data.data()), data.size());
  uint8_t digest[tendril::Md5::kSize];
  md5.finish(digest);
  std::string digits;
  for (const uint8_t b : digest) {
    digits += "0123456789abcdef"[b >> 4];
    digits += "0123456789abcdef"[b & 15];
  }
  return digits;
}

std::string answer(const std::string& image) {
  return "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: " + std::to_string(image.size()) + "\r\nX-MD5: " + md5Of(image) + "\r\n\r\n" + image;
}

class UpdateTest : public testing::Test {
 public:
  void SetUp() override {
    for (int i = 0; i < 5000; i++) image += static_cast<char>(i * 7 + i / 256);
  }
  Update::State run() {
    for (int i = 0; i < 20000 && update.state() == Update::State::Working; i++) update.tick(now += 100);
    return update.state();
  }
  // What becomes of an answer, after which the server hangs up.
  Update::Fault faultOf(const std::string& text, size_t chunk = FakeCloud::kAll) {
    cloud = FakeCloud();
    cloud.chunk = chunk;
    cloud.toDevice = text;
    cloud.hungUp = true;
    updater = FakeUpdater();
    EXPECT_TRUE(update.begin("https://a.example/f.bin", true, options));
    run();
    EXPECT_TRUE(cloud.closed);
    EXPECT_EQ(updater.committed, update.state() == Update::State::Done);
    if (updater.committed) {
      EXPECT_EQ(updater.image, image);
      EXPECT_EQ(update.fault(), Update::Fault::None);
    }
    return update.fault();
  }

  FakeCloud cloud;
  FakeUpdater updater;
  tendril::Workspace workspace = {};
  Update::Options options;
  Update update{cloud, &updater, workspace};
  tendril::Millis now = 0xFFFFFF00;
  std::string image;
};

TEST_F(UpdateTest, PutsAnImageInPlace) {
  for (const size_t chunk : {size_t{1}, size_t{7}, size_t{511}, FakeCloud::kAll}) {
    EXPECT_EQ(faultOf(answer(image), chunk), Update::Fault::None);
    EXPECT_EQ(update.state(), Update::State::Done);
    EXPECT_EQ(cloud.resolved, "a.example");
    EXPECT_EQ(cloud.connected, "tls a.example 443");
    EXPECT_EQ(cloud.fromDevice, "GET /f.bin HTTP/1.0\r\nHost: a.example\r\nUser-Agent: Tendril\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(update.received(), image.size());
    EXPECT_EQ(update.size(), image.size());
    EXPECT_EQ(updater.aborted, 0);
    EXPECT_EQ(update.tick(now), Update::State::Done);
  }
}

TEST_F(UpdateTest, WhatIsBehindTheImageIsNobodys) { EXPECT_EQ(faultOf(answer(image) + "more"), Update::Fault::None); }

TEST_F(UpdateTest, RefusesPlainHttpBesideTls) {
  EXPECT_FALSE(update.begin("http://a.example/f.bin", true, options));
  EXPECT_EQ(update.fault(), Update::Fault::Plain);
  EXPECT_FALSE(update.begin("gopher://a.example/f.bin", true, options));
  EXPECT_EQ(update.fault(), Update::Fault::Url);
  EXPECT_EQ(update.tick(now), Update::State::Failed);
  EXPECT_TRUE(update.begin("http://a.example/f.bin", false, options));
  options.allowPlain = true;
  EXPECT_TRUE(update.begin("http://a.example:8080/f.bin", true, options));
  cloud.toDevice = answer(image);
  EXPECT_EQ(run(), Update::State::Done);
  EXPECT_EQ(cloud.connected, "tcp a.example 8080");
  EXPECT_NE(cloud.fromDevice.find("Host: a.example:8080\r\n"), std::string::npos);
}

TEST_F(UpdateTest, AnswersThatAreNone) {
  const std::string length = "Content-Length: 5000\r\n";
  const std::string digest = "x-MD5: " + md5Of(image) + "\r\n";
  const struct {
    const char* name;
    std::string head;
    Update::Fault want;
  } rows[] = {
      {"404", "HTTP/1.0 404 Not Found\r\n" + length + digest, Update::Fault::Answer},
      {"a redirect", "HTTP/1.0 302 Found\r\nLocation: http://b.example/\r\n" + length + digest, Update::Fault::Answer},
      {"206", "HTTP/1.0 206 Partial\r\n" + length + digest, Update::Fault::Answer},
      {"no length", "HTTP/1.0 200 OK\r\n" + digest, Update::Fault::Answer},
      {"a length of 0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n" + digest, Update::Fault::Answer},
      {"a length beyond all flash", "HTTP/1.0 200 OK\r\nContent-Length: 99999999999\r\n" + digest, Update::Fault::Answer},
      {"a negative length", "HTTP/1.0 200 OK\r\nContent-Length: -1\r\n" + digest, Update::Fault::Answer},
      {"two lengths", "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n" + length + digest, Update::Fault::Answer},
      {"an endless length", "HTTP/1.0 200 OK\r\nContent-Length: " + std::string(100, '0') + "5000\r\n" + digest, Update::Fault::Answer},
      {"no digest", "HTTP/1.0 200 OK\r\n" + length, Update::Fault::NoDigest},
      {"half a digest", "HTTP/1.0 200 OK\r\n" + length + "x-MD5: 0123\r\n", Update::Fault::Answer},
      {"a digest of no digits", "HTTP/1.0 200 OK\r\n" + length + "x-MD5: " + std::string(32, 'x') + "\r\n", Update::Fault::Answer},
      {"two digests", "HTTP/1.0 200 OK\r\n" + length + digest + "x-MD5: " + std::string(32, '0') + "\r\n", Update::Fault::Answer},
      {"chunks", "HTTP/1.1 200 OK\r\n" + length + digest + "Transfer-Encoding: chunked\r\n", Update::Fault::Answer},
      {"gzip", "HTTP/1.1 200 OK\r\n" + length + digest + "Content-Encoding: gzip\r\n", Update::Fault::Answer},
      {"a head without end", "HTTP/1.1 200 OK\r\n" + std::string(5000, 'x'), Update::Fault::Answer},
      {"lines without end", "HTTP/1.1 200 OK\r\n" + length + digest + [] { std::string s; for (int i = 0; i < 999; i++) s += "a: b\r\n"; return s; }(), Update::Fault::Answer},
      {"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", Update::Fault::Answer},
      {"an empty line first", "\r\nHTTP/1.1 200 OK\r\n" + length + digest, Update::Fault::Answer},
      {"another HTTP", "HTTP/2 200 OK\r\n" + length + digest, Update::Fault::Answer},
      {"no status", "HTTP/1.1 OK 200\r\n" + length + digest, Update::Fault::Answer},
      {"a status of four digits", "HTTP/1.1 2000 OK\r\n" + length + digest, Update::Fault::Answer},
      {"another digest", "HTTP/1.0 200 OK\r\n" + length + "x-MD5: " + md5Of("else") + "\r\n", Update::Fault::Digest},
      {"small letters, bare newlines", "HTTP/1.1 200\ncontent-length:5000 \nx-md5:\t" + md5Of(image) + "\nTransfer-Encoding: identity\n", Update::Fault::None},
      {"long lines of others", "HTTP/1.1 200 OK\r\nSet-Cookie: " + std::string(500, 'c') + "\r\n" + length + length + digest + digest, Update::Fault::None},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(faultOf(row.head + "\r\n" + image), row.want);
    EXPECT_EQ(faultOf(row.head + "\r\n" + image, 1), row.want);
  }
  options.allowNoDigest = true;
  EXPECT_EQ(faultOf("HTTP/1.0 200 OK\r\n" + length + "\r\n" + image), Update::Fault::None);
  faultOf("HTTP/1.0 404 Not Found\r\n\r\n");
  EXPECT_EQ(update.status(), 404);
}

// Wherever the connection ends, and whichever byte is another: the program stays.
TEST_F(UpdateTest, IsNeverHalfDone) {
  image.resize(300);
  const std::string whole = answer(image);
  const size_t head = whole.size() - image.size();
  for (size_t cut = 0; cut < whole.size(); cut++) {
    const Update::Fault fault = faultOf(whole.substr(0, cut));
    ASSERT_EQ(fault, cut < head ? Update::Fault::Answer : Update::Fault::CutShort) << cut;
    ASSERT_EQ(updater.aborted, cut < head ? 0 : 1);
  }
  for (size_t at = head; at < whole.size(); at++) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    ASSERT_EQ(faultOf(damaged), Update::Fault::Digest) << at;
    ASSERT_EQ(updater.aborted, 1);
  }
}

TEST_F(UpdateTest, FlashThatFails) {
  const std::string whole = answer(image);
  const auto begin = [&] {
    cloud = FakeCloud();
    cloud.toDevice = whole;
    updater = FakeUpdater();
    ASSERT_TRUE(update.begin("https://a.example/f.bin", true, options));
  };
  begin();
  updater.room = 4999;
  EXPECT_EQ(run(), Update::State::Failed);
  EXPECT_EQ(update.fault(), Update::Fault::NoRoom);
  begin();
  updater.holds = 2000;
  EXPECT_EQ(run(), Update::State::Failed);
  EXPECT_EQ(update.fault(), Update::Fault::Flash);
  EXPECT_EQ(updater.aborted, 1);
  begin();
  updater.runs = false;
  EXPECT_EQ(run(), Update::State::Failed);
  EXPECT_EQ(update.fault(), Update::Fault::Flash);
  EXPECT_FALSE(updater.committed);
  EXPECT_EQ(updater.aborted, 1);
}

TEST_F(UpdateTest, ServersThatArentThere) {
  const auto fault = [&](const std::function<void()>& arrange) {
    cloud = FakeCloud();
    updater = FakeUpdater();
    arrange();
    EXPECT_TRUE(update.begin("https://a.example/f.bin", true, options));
    EXPECT_EQ(run(), Update::State::Failed);
    return update.fault();
  };
  EXPECT_EQ(fault([&] { cloud.resolves = Progress::Failed; }), Update::Fault::Unreachable);
  EXPECT_EQ(fault([&] { cloud.resolves = Progress::Working; }), Update::Fault::Unreachable);
  EXPECT_EQ(fault([&] { cloud.connects = Progress::Failed; }), Update::Fault::Unreachable);
  EXPECT_EQ(fault([&] { cloud.connects = Progress::Working; }), Update::Fault::Unreachable);
  EXPECT_EQ(fault([&] { cloud.takes = 5; }), Update::Fault::Unreachable);
  EXPECT_EQ(fault([&] { cloud.hungUp = cloud.refuses = true; }), Update::Fault::Unreachable);
  EXPECT_EQ(fault([&] {}), Update::Fault::CutShort);
  EXPECT_EQ(fault([&] { cloud.toDevice = answer(image).substr(0, 1000); }), Update::Fault::CutShort);
}

// However steadily they drip.
TEST_F(UpdateTest, BytesThatDrip) {
  ASSERT_TRUE(update.begin("https://a.example/f.bin", true, options));
  const std::string whole = answer(image);
  const tendril::Millis began = now;
  for (size_t i = 0; i < whole.size() && update.state() == Update::State::Working; i++) {
    cloud.toDevice += whole[i];
    update.tick(now += 1000);
  }
  EXPECT_EQ(update.fault(), Update::Fault::CutShort);
  EXPECT_LE(tendril::elapsed(now, began), 602000u);
}

TEST_F(UpdateTest, Stops) {
  cloud.toDevice = answer(image).substr(0, 3000);
  ASSERT_TRUE(update.begin("https://a.example/f.bin", true, options));
  for (int i = 0; i < 10; i++) update.tick(now += 100);
  EXPECT_GT(update.received(), 0u);
  update.stop();
  EXPECT_EQ(update.state(), Update::State::Idle);
  EXPECT_TRUE(cloud.closed);
  EXPECT_EQ(updater.aborted, 1);
  update.stop();
  EXPECT_EQ(updater.aborted, 1);
  // One that never got to the network doesn't close another's connection.
  cloud = FakeCloud();
  ASSERT_TRUE(update.begin("https://a.example/f.bin", true, options));
  update.stop();
  EXPECT_FALSE(cloud.closed);
}

}  // namespace
