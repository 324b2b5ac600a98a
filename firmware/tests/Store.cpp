#include <Tendril/Store/Store.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "Configurations.h"
#include "NorFlash.h"

using tendril::Code;
using tendril::Phase;
using tendril::Slot;
using tendril::Store;

namespace {

class StoreTest : public testing::Test {
 public:
  void SetUp() override { ASSERT_EQ(store.open(), Store::Status::Ok); }
  void TearDown() override { EXPECT_EQ(flash.violations, 0); }

  Slot put(const std::string& ssid) {
    EXPECT_TRUE(store.put(home(ssid)));
    Slot slot;
    EXPECT_TRUE(store.trial(0, slot));
    return slot;
  }

  NorFlash flash;
  Store store{flash};
};

TEST_F(StoreTest, LifeOfAConfiguration) {
  EXPECT_EQ(provenName(store) + trialNames(store), "");
  EXPECT_EQ(store.lastError(), Code::None);

  const Slot first = put("first");
  EXPECT_TRUE(store.discard(first, Code::WrongPassword));
  EXPECT_EQ(trialNames(store), "");
  EXPECT_EQ(store.lastError(), Code::WrongPassword);
  EXPECT_FALSE(store.prove(first));

  const Slot second = put("second");
  EXPECT_EQ(store.lastError(), Code::None);
  EXPECT_TRUE(store.markSent(second));
  Slot read;
  ASSERT_TRUE(store.trial(0, read));
  EXPECT_TRUE(read.sent);
  EXPECT_TRUE(store.note(second, Code::Cloud));
  EXPECT_EQ(store.lastError(), Code::Cloud);
  EXPECT_TRUE(store.prove(second));
  EXPECT_EQ(provenName(store), "second");
  EXPECT_EQ(store.trials(), 0);
  EXPECT_EQ(store.lastError(), Code::None);
  EXPECT_FALSE(store.discard(second, Code::Token));
  EXPECT_EQ(provenName(store), "second");

  for (int i = 0; i < 5; i++) {
    const Slot trial = put("trial " + std::to_string(i));
    EXPECT_EQ(provenName(store), "second");
    EXPECT_EQ(store.trials(), 1);
    EXPECT_TRUE(store.discard(trial, Code::Dns));
  }
  EXPECT_TRUE(store.prove(put("third")));
  EXPECT_EQ(provenName(store), "third");
  EXPECT_TRUE(store.erase());
  EXPECT_EQ(provenName(store) + trialNames(store), "");
  EXPECT_EQ(store.lastError(), Code::None);
}

TEST_F(StoreTest, TwoTrialsOfAFreshDevice) {
  put("first");
  put("second");
  put("third");
  EXPECT_EQ(trialNames(store), "/third/second");
  EXPECT_EQ(store.trials(), 2);
  // The older one logs in first: the newer stays a trial until it is discarded.
  Slot third;
  Slot second;
  ASSERT_TRUE(store.trial(0, third));
  ASSERT_TRUE(store.trial(1, second));
  EXPECT_TRUE(store.prove(second));
  EXPECT_EQ(provenName(store) + trialNames(store), "second/third");
  EXPECT_TRUE(store.prove(third));
  EXPECT_EQ(provenName(store) + trialNames(store), "third");
}

TEST_F(StoreTest, ASlotThatIsGoneIsntTouched) {
  const Slot first = put("first");
  put("second");
  put("third");
  const NorFlash::Cells before = flash.cells;
  EXPECT_FALSE(store.prove(first));
  EXPECT_FALSE(store.markSent(first));
  EXPECT_FALSE(store.discard(first, Code::Dns));
  EXPECT_FALSE(store.note(first, Code::Dns));
  EXPECT_EQ(flash.cells, before);
}

TEST_F(StoreTest, RefusesWhatNoConfigurationCanBe) {
  std::vector<tendril::Configuration> bad(8, home("Home"));
  bad[0].ssid.clear();
  bad[1].token.set("short");
  bad[2].token.set("abcdefghijklmnopqrstuvwxyz-_012+");
  bad[3].password.set("1234567");
  bad[4].host.set("two words");
  bad[5].ssid.set({"a\0b", 3});
  bad[6].password.set({"secret\0pass", 11});
  bad[7].host.set("caf\xC3\xA9.example");
  for (const auto& c : bad) EXPECT_FALSE(store.put(c)) << unusable(c);
  EXPECT_EQ(flash.writes, 0u);
}

TEST_F(StoreTest, TheLongestFits) {
  tendril::Configuration c;
  c.ssid.set(text(std::string(tendril::kMaxSsid, '\xFF')));
  c.password.set(text(std::string(tendril::kMaxPassword, 'p')));
  c.token.set(kToken);
  c.host.set(text(std::string(tendril::kMaxHost, 'h')));
  c.port = c.tlsPort = 65535;
  c.hidden = c.hasStatic = true;
  c.fixed.ip = {{192, 168, 1, 9}};
  c.fixed.dns2 = {{9, 9, 9, 9}};
  ASSERT_TRUE(store.put(c));
  Slot slot;
  ASSERT_TRUE(store.trial(0, slot));
  EXPECT_TRUE(same(slot.configuration, c));
}

TEST_F(StoreTest, NotesRunOut) {
  const Slot slot = put("Home");
  for (size_t i = 0; i < tendril::kSectorSize; i++) ASSERT_TRUE(store.note(slot, i % 2 == 0 ? Code::Dns : Code::Cloud));
  EXPECT_NE(store.lastError(), Code::None);
  EXPECT_EQ(trialNames(store), "/Home");
}

// Only a new configuration costs an erasure, and without a proven one both sectors
// take turns; the same note twice costs nothing.
TEST_F(StoreTest, WearIsSpread) {
  for (int i = 0; i < 10; i++) {
    const Slot trial = put("trial");
    store.note(trial, Code::Dns);
    const size_t writes = flash.writes;
    store.note(trial, Code::Dns);
    EXPECT_EQ(flash.writes, writes);
    store.markSent(trial);
  }
  EXPECT_EQ(flash.erasures[0], 5u);
  EXPECT_EQ(flash.erasures[1], 5u);
  for (int i = 0; i < 10; i++) store.prove(put("proven"));
  EXPECT_EQ(flash.erasures[0], 10u);
  EXPECT_EQ(flash.erasures[1], 10u);
}

TEST_F(StoreTest, WornFlashIsTold) {
  ASSERT_TRUE(store.prove(put("first")));
  flash.stuck = tendril::kSectorSize + 20;
  EXPECT_FALSE(store.put(home("second")));
  EXPECT_EQ(provenName(store) + trialNames(store), "first");
}

// A read that fails once must not make the proven slot look like a free one.
TEST_F(StoreTest, AFlashThatCantBeReadLosesNothing) {
  ASSERT_TRUE(store.prove(put("first")));
  const Slot second = put("second");
  for (int failing = 1; failing < 60; failing++) {
    const NorFlash::Cells before = flash.cells;
    for (const auto& operation : std::vector<std::function<bool()>>{[&] { return store.markSent(second); }, [&] { return store.erase(); },
                                                                    [&] { return store.put(home("third")); }, [&] { return store.note(second, Code::Dns); }}) {
      flash.failingReads = 1000;
      EXPECT_FALSE(operation());
      flash.failingReads = 0;
    }
    ASSERT_EQ(flash.cells, before);
    EXPECT_EQ(provenName(store) + trialNames(store), "first/second");
  }
  flash.failingReads = 1;
  Store another(flash);
  EXPECT_EQ(another.open(), Store::Status::Failed);
  Slot slot;
  flash.failingReads = 1;
  EXPECT_FALSE(store.proven(slot));
}

}  // namespace
