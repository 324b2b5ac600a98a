// The power fails at every byte of every operation of the store.
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <vector>

#include "Configurations.h"
#include "EdgentRecord.h"

using tendril::Code;
using tendril::Slot;
using tendril::Store;

namespace {

// What a device does to its store. Each finds its slot by itself, as a device does
// after the power came back.
enum Operation { kPut, kSend, kProve, kDiscard, kNote, kErase };

bool oldestTrial(Store& store, Slot& slot) { return store.trials() > 0 && store.trial(static_cast<uint8_t>(store.trials() - 1), slot); }

bool perform(Store& store, Operation operation, const std::string& name) {
  Slot slot;
  if (operation == kPut) return store.put(home(name));
  if (operation == kErase) return store.erase();
  if (!oldestTrial(store, slot)) return true;
  switch (operation) {
    case kSend: return store.markSent(slot);
    case kProve: return store.prove(slot);
    case kDiscard: return store.discard(slot, Code::Cloud);
    default: return store.note(slot, Code::Dns);
  }
}

// Whether every configuration that can be read was once stored as it is.
bool isSound(Store& store) {
  Slot slot;
  bool sound = !store.proven(slot) || same(slot.configuration, home(string(slot.configuration.ssid.text())));
  for (uint8_t i = 0; store.trial(i, slot); i++) sound = sound && same(slot.configuration, home(string(slot.configuration.ssid.text())));
  return sound;
}

struct Story {
  const char* name;
  std::vector<Operation> operations;
};

class Cuts : public testing::TestWithParam<Story> {};

// After a cut in the last operation, what was proven before is proven, or what the
// operation proves; and everything goes on.
void check(const NorFlash::Cells& cut, const NorFlash::Cells& uncut, Operation last) {
  NorFlash flash;
  flash.cells = uncut;
  Store before(flash);
  ASSERT_EQ(before.open(), Store::Status::Ok);
  std::set<std::string> allowed = {provenName(before)};
  Slot slot;
  if (last == kProve && oldestTrial(before, slot)) allowed.insert(string(slot.configuration.ssid.text()));
  if (last == kErase) allowed.insert("");
  std::set<std::string> known = {"last network"};
  for (uint8_t i = 0; before.trial(i, slot); i++) known.insert(string(slot.configuration.ssid.text()));

  flash.cells = cut;
  Store store(flash);
  ASSERT_EQ(store.open(), Store::Status::Ok);
  ASSERT_TRUE(isSound(store));
  ASSERT_TRUE(allowed.count(provenName(store))) << provenName(store);
  for (uint8_t i = 0; store.trial(i, slot); i++) ASSERT_TRUE(known.count(string(slot.configuration.ssid.text()))) << trialNames(store);
  ASSERT_TRUE(perform(store, last, "last network"));
  ASSERT_TRUE(store.put(home("next")));
  ASSERT_EQ(trialNames(store).rfind("/next", 0), 0u) << trialNames(store);
  ASSERT_EQ(flash.violations, 0);
}

constexpr NorFlash::Order kOrders[] = {NorFlash::Order::FromStart, NorFlash::Order::FromEnd, NorFlash::Order::Scattered};

TEST_P(Cuts, AtEveryByte) {
  const std::vector<Operation>& operations = GetParam().operations;
  const Operation last = operations.back();
  NorFlash flash;
  Store store(flash);
  ASSERT_EQ(store.open(), Store::Status::Ok);
  for (size_t i = 0; i + 1 < operations.size(); i++) ASSERT_TRUE(perform(store, operations[i], "network " + std::to_string(i)));
  const NorFlash::Cells uncut = flash.cells;
  // What an erasure changes are few bytes: what leaves the same flash behind is
  // looked at once.
  std::set<NorFlash::Cells> seen;
  size_t cuts = 0;
  for (const NorFlash::Order order : kOrders) {
    for (const unsigned torn : {0x00u, 0x5Au, 0xFEu}) {
      for (size_t after = 0;; after++) {
        flash.cells = uncut;
        flash.powerOn();
        Store cutStore(flash);
        ASSERT_EQ(cutStore.open(), Store::Status::Ok);
        flash.cutPower({after, static_cast<uint8_t>(torn), order});
        const bool done = perform(cutStore, last, "last network");
        ASSERT_NE(done, flash.off);
        if (!flash.off) break;
        cuts++;
        ASSERT_FALSE(cutStore.put(home("late")));
        if (!seen.insert(flash.cells).second) continue;
        check(flash.cells, uncut, last);
        if (HasFatalFailure()) FAIL() << "cut after " << after << " bytes, torn " << torn << ", order " << static_cast<int>(order);
      }
    }
  }
  ASSERT_GE(cuts, sizeof kOrders / sizeof *kOrders * 3 * 4);
}

INSTANTIATE_TEST_SUITE_P(Store, Cuts,
                         testing::Values(Story{"first", {kPut}}, Story{"proof", {kPut, kSend, kProve}}, Story{"note_of_a_login", {kPut, kSend}},
                                         Story{"discarding", {kPut, kDiscard}}, Story{"after_a_failure", {kPut, kDiscard, kPut}},
                                         Story{"beside_a_proven_one", {kPut, kProve, kPut}}, Story{"proof_beside_a_proven_one", {kPut, kProve, kPut, kSend, kProve}},
                                         Story{"discarding_beside", {kPut, kProve, kPut, kDiscard}}, Story{"noting", {kPut, kProve, kPut, kNote}},
                                         Story{"third", {kPut, kProve, kPut, kProve, kPut}}, Story{"two_trials", {kPut, kSend, kPut}},
                                         Story{"three_trials", {kPut, kSend, kPut, kSend, kPut}}, Story{"older_of_two_trials_proven", {kPut, kSend, kPut, kProve}},
                                         Story{"erasure", {kPut, kProve, kPut, kProve, kErase}}, Story{"erasure_of_a_trial", {kPut, kProve, kPut, kErase}}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Edgent, BecomesProvenOnce) {
  NorFlash flash;
  EdgentFlash old(flash);
  old.record.flags = 3;
  old.record.lastError = 701;
  const uint8_t ip[4] = {10, 0, 0, 9};
  std::memcpy(old.record.addresses[0], ip, 4);
  Store store(flash);
  ASSERT_EQ(store.open(&old), Store::Status::Ok);
  Slot slot;
  ASSERT_TRUE(store.proven(slot));
  tendril::Configuration want = home("Edgent home");
  want.port = 0;
  want.tlsPort = 443;
  want.hasStatic = true;
  want.fixed.ip = {{10, 0, 0, 9}};
  EXPECT_TRUE(same(slot.configuration, want));
  EXPECT_EQ(slot.lastError, Code::Join);
  EXPECT_EQ(store.trials(), 0);
  EXPECT_EQ(old.forgotten, 1);

  const size_t writes = flash.writes;
  Store again(flash);
  ASSERT_EQ(again.open(&old), Store::Status::Ok);
  EXPECT_EQ(flash.writes, writes);
  EXPECT_EQ(provenName(again), "Edgent home");
}

TEST(Edgent, DoesntOutliveAnErasure) {
  NorFlash flash;
  EdgentFlash old(flash);
  old.stubborn = true;
  Store store(flash);
  ASSERT_EQ(store.open(&old), Store::Status::Ok);
  EXPECT_EQ(provenName(store), "Edgent home");
  EXPECT_FALSE(store.erase());
  EXPECT_EQ(provenName(store), "Edgent home");
  old.stubborn = false;
  EXPECT_TRUE(store.erase());
  Store again(flash);
  ASSERT_EQ(again.open(&old), Store::Status::Ok);
  EXPECT_EQ(provenName(again), "");
}

// The record is not ours to judge where we can't read it: it stays.
TEST(Edgent, WhatIsNoConfigurationStays) {
  struct Row {
    const char* name;
    std::function<void(EdgentLayout&)> change;
    Code lastError;
  };
  const std::vector<Row> rows = {
      {"another magic", [](EdgentLayout& r) { r.magic++; }, Code::None},
      {"not valid", [](EdgentLayout& r) { r.flags = 0; }, Code::Cloud},
      {"an SSID without an end", [](EdgentLayout& r) { std::memset(r.ssid, 'x', sizeof r.ssid); }, Code::Cloud},
      {"an SSID of 33 bytes", [](EdgentLayout& r) { std::memset(r.ssid, 'x', 33); }, Code::Cloud},
      {"no SSID", [](EdgentLayout& r) { r.ssid[0] = 0; }, Code::Cloud},
      {"no token", [](EdgentLayout& r) { std::strcpy(r.token, "invalid token"); }, Code::Cloud},
      {"a host with a blank", [](EdgentLayout& r) { r.host[3] = ' '; }, Code::Cloud},
      {"a password without an end", [](EdgentLayout& r) { std::memset(r.pass, 'x', sizeof r.pass); }, Code::Cloud},
      {"an error beyond all codes", [](EdgentLayout& r) { r.flags = 0, r.lastError = -1; }, Code::None},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    NorFlash flash;
    EdgentFlash old(flash);
    old.record.lastError = 702;
    row.change(old.record);
    Store store(flash);
    ASSERT_EQ(store.open(&old), Store::Status::Ok);
    EXPECT_EQ(provenName(store) + trialNames(store), "");
    EXPECT_EQ(store.lastError(), row.lastError);
    EXPECT_EQ(flash.writes, 0u);
    EXPECT_EQ(old.forgotten, 0);
    // From the first configuration on, that one's error counts.
    ASSERT_TRUE(store.put(home("Home")));
    EXPECT_EQ(store.lastError(), Code::None);
  }
  NorFlash flash;
  EdgentFlash none(flash);
  none.there = false;
  Store store(flash);
  EXPECT_EQ(store.open(&none), Store::Status::Ok);
  EXPECT_TRUE(store.erase());
}

TEST(Edgent, ANewerVersionIsLeftAlone) {
  NorFlash flash;
  {
    Store store(flash);
    ASSERT_TRUE(store.put(home("Home")));
  }
  // The same slot as version 2 would have it, with the CRC that it would have.
  const uint8_t version2[] = {0x54, 0x6E, 0x53, 0x6C, 0x02, 0xFF, 0x45, 0x00, 0x01, 0x00, 0x00, 0x00, 0xE2, 0xB0, 0x19, 0xE5};
  flash.load(0, version2, sizeof version2);
  EdgentFlash old(flash);
  Store store(flash);
  const NorFlash::Cells before = flash.cells;
  EXPECT_EQ(store.open(&old), Store::Status::Newer);
  EXPECT_EQ(flash.cells, before);
  EXPECT_EQ(old.forgotten, 0);
}

TEST(Edgent, CutsAtEveryByte) {
  for (const NorFlash::Order order : kOrders) {
    for (const unsigned torn : {0x00u, 0x5Au}) {
      for (size_t after = 0;; after++) {
        NorFlash flash;
        // Something that is in the way, so that the erasure has what to do.
        for (size_t i = 0; i < flash.cells.size(); i += 97) flash.cells[i] = static_cast<uint8_t>(i);
        EdgentFlash old(flash);
        old.record.lastError = 702;
        Store store(flash);
        flash.cutPower({after, static_cast<uint8_t>(torn), order});
        const Store::Status status = store.open(&old);
        const bool cut = flash.off;
        ASSERT_TRUE(cut || status == Store::Status::Ok);
        flash.powerOn();
        Store again(flash);
        ASSERT_EQ(again.open(&old), Store::Status::Ok);
        ASSERT_EQ(provenName(again) + trialNames(again), "Edgent home") << after;
        ASSERT_EQ(flash.violations, 0);
        if (!cut) break;
      }
    }
  }
}

}  // namespace
