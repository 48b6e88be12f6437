#include "fs/client/profile_replay.h"

#include <gtest/gtest.h>

#include "tests/support/mem_cache.h"
#include "tests/support/signed_world.h"
#include "tests/support/store_transport.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

using State = ProfileReplay::State;

class ProfileReplayTest : public testing::Test {
 protected:
  ProfileReplayTest() {
    std::vector<std::unique_ptr<Transport>> sources;
    auto transport = std::make_unique<StoreTransport>(objects_.store);
    transport_ = transport.get();
    sources.push_back(std::move(transport));
    FetcherOptions options;
    options.rounds = 1;
    options.failure_memory = std::chrono::milliseconds(0);
    options.failure_level = log::Level::kDebug;
    fetcher_ = std::make_unique<Fetcher>(std::move(sources), cache_, options);
  }

  ObjectId write(const Bytes& bytes) { return objects_.writer.write(bytes).value(); }
  // A snapshot and its id.
  std::pair<SnapshotId, Snapshot> snapshot(const std::string& message, std::vector<SnapshotId> parents = {}) {
    Snapshot out;
    out.repository = world_.root.repository;
    out.tree = Digest::of("tree " + message);
    out.catalog = Digest::of("catalog " + message);
    out.parents = std::move(parents);
    out.branch = "main";
    out.message = message;
    return {write(out.serialise()), out};
  }
  // Objects "0", "1", … of 1,000 bytes each.
  static Bytes content(size_t i) { return str(i, std::string(1000 - std::to_string(i).size(), '.')); }
  static ObjectId id_of(size_t i) { return Digest::of(content(i)); }
  Plan plan_of(size_t count) {
    Plan plan;
    for (size_t i = 0; i < count; ++i) plan.objects.push_back({write(content(i)), 1000});
    return plan;
  }
  ProfileNote note(const SnapshotId& snapshot, const ObjectId& plan) const {
    ProfileNote note;
    note.repository = world_.root.repository;
    note.snapshot = note.base = snapshot;
    note.time = world_.now;
    note.name = "boot";
    note.plan = plan;
    note.trace = Digest::of("a trace");
    return note;
  }
  void file(const SnapshotId& snapshot, Envelope envelope) {
    world_.names.notes[snapshot].push_back(std::move(envelope));
  }
  Envelope sign(const ProfileNote& note) { return signed_by(note.to_envelope(), {&world_.release_key}); }
  void attach(const SnapshotId& snapshot, const Plan& plan) {
    plan_ = write(encode_plan(plan));
    file(snapshot, sign(note(snapshot, plan_)));
  }

  void start(const std::pair<SnapshotId, Snapshot>& mounted, uint64_t limit_bytes = 1 << 20, uint64_t quota_bytes = 0) {
    names_ = write(world_.names.serialise());
    replay_ = ProfileReplay::start(*fetcher_, {world_.root, names_, mounted.first, mounted.second, "sw.example.org"},
                                   {"boot", limit_bytes, quota_bytes});
  }
  ProfileReplay::Report ended() {
    EXPECT_TRUE(eventually([&] {
      const State state = replay_->report().state;
      return state != State::kWaiting && state != State::kReplaying;
    })) << name_of(replay_->report().state);
    return replay_->report();
  }

  SignedWorld world_;
  MemObjects objects_;
  MemCache cache_;
  StoreTransport* transport_ = nullptr;
  ObjectId plan_;
  ObjectId names_;
  std::unique_ptr<Fetcher> fetcher_;
  std::unique_ptr<ProfileReplay> replay_;
};

TEST_F(ProfileReplayTest, WhatAProfileNamesIsFetchedBeforeAnybodyAsks) {
  const auto mounted = snapshot("one");
  attach(mounted.first, plan_of(20));
  ASSERT_TRUE(fetcher_->open(id_of(3)));
  start(mounted);
  const auto report = ended();
  EXPECT_EQ(report.state, State::kDone) << report.cause;
  EXPECT_EQ(report.from->note.base, mounted.first);
  EXPECT_TRUE(report.from->signers.contains(world_.release_key.id()));
  EXPECT_FALSE(report.is_stale);
  EXPECT_EQ(report.planned.bytes, 20'000U);
  EXPECT_EQ(report.fetched.objects, 19U);
  EXPECT_EQ(report.cached.objects, 1U);
  EXPECT_EQ(report.unused.objects, 20U);

  objects_.store.set_away(true);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(**fetcher_->read(id_of(i)), content(i));
}

TEST_F(ProfileReplayTest, OnlyAFewObjectsAreOnTheirWayAndInOrder) {
  const auto mounted = snapshot("one");
  attach(mounted.first, plan_of(50));
  for (size_t i = 0; i < 50; ++i) transport_->hold(id_of(i));
  start(mounted);
  ASSERT_TRUE(eventually([&] { return transport_->waiting() == 8; }));
  EXPECT_EQ(fetcher_->stats().in_flight, 8U);
  transport_->release_all();
  EXPECT_EQ(ended().fetched.objects, 50U);
}

TEST_F(ProfileReplayTest, WhatIsDemandedCountsAsUsedAlsoBeforeThePlanHasCome) {
  const auto mounted = snapshot("one");
  attach(mounted.first, plan_of(5));
  transport_->hold(plan_);
  start(mounted);
  ASSERT_TRUE(fetcher_->open(id_of(4)));
  EXPECT_EQ(replay_->report().state, State::kWaiting);
  transport_->release_all();
  auto report = ended();
  EXPECT_EQ(report.used.objects, 1U);
  EXPECT_EQ(report.unused.objects, 4U);

  ASSERT_TRUE(fetcher_->open(id_of(0)));
  ASSERT_TRUE(fetcher_->open(id_of(0)));
  ASSERT_TRUE(fetcher_->open(write("not in the plan")));
  fetcher_->fetch(id_of(1), Priority::kPrefetch, {});
  report = replay_->report();
  EXPECT_EQ(report.used.objects, 2U);
  EXPECT_EQ(report.unused.bytes, 3000U);
}

TEST_F(ProfileReplayTest, WithoutAProfileOfItsOwnItTakesTheNearestAncestors) {
  const auto oldest = snapshot("one");
  const auto older = snapshot("two", {oldest.first});
  const auto mounted = snapshot("three", {older.first});
  attach(oldest.first, plan_of(4));
  attach(older.first, plan_of(2));
  start(mounted);
  const auto report = ended();
  EXPECT_EQ(report.state, State::kDone) << report.cause;
  EXPECT_TRUE(report.is_stale);
  EXPECT_EQ(report.from->note.snapshot, older.first);
  EXPECT_EQ(report.fetched.objects, 2U);
}

TEST_F(ProfileReplayTest, AnAncestorFarAwayDoesNotCount) {
  auto at = snapshot("first");
  attach(at.first, plan_of(2));
  for (int i = 0; i < 9; ++i) at = snapshot(str("child ", i), {at.first});
  start(at);
  EXPECT_EQ(ended().state, State::kMissing);
}

TEST_F(ProfileReplayTest, WhereThereIsNoProfileItSaysWhichThereAre) {
  const auto mounted = snapshot("one");
  ProfileNote other = note(mounted.first, write(encode_plan(plan_of(1))));
  other.name = "desktop";
  file(mounted.first, sign(other));
  start(mounted);
  const auto report = ended();
  EXPECT_EQ(report.state, State::kMissing);
  EXPECT_NE(report.cause.find("desktop"), std::string::npos) << report.cause;
  EXPECT_EQ(objects_.store.reads_of(id_of(0)), 0U);
}

TEST_F(ProfileReplayTest, AForgedProfileIsRefused) {
  const auto mounted = snapshot("one");
  const auto parent = snapshot("none");
  TestSigner stranger("a stranger");
  const ProfileNote forged = note(mounted.first, write(encode_plan(plan_of(3))));
  file(mounted.first, signed_by(forged.to_envelope(), {&stranger}));
  start(mounted);
  const auto report = ended();
  EXPECT_EQ(report.state, State::kRefused);
  EXPECT_FALSE(report.cause.empty());
  EXPECT_FALSE(report.from);
  EXPECT_EQ(objects_.store.reads_of(id_of(0)), 0U);
}

TEST_F(ProfileReplayTest, AProfileOfAnotherRepositoryIsRefused) {
  const auto mounted = snapshot("one");
  ProfileNote other = note(mounted.first, write(encode_plan(plan_of(3))));
  other.repository = "11111111-d9cb-469f-a165-70867728950e";
  file(mounted.first, sign(other));
  start(mounted);
  const auto report = ended();
  EXPECT_EQ(report.state, State::kRefused);
  EXPECT_NE(report.cause.find("is for repository 11111111"), std::string::npos) << report.cause;
}

TEST_F(ProfileReplayTest, APlanThatIsDamagedOrMissingIsRefused) {
  const auto damaged = snapshot("one");
  file(damaged.first, sign(note(damaged.first, write("no plan"))));
  const auto missing = snapshot("two");
  file(missing.first, sign(note(missing.first, Digest::of("nobody has this plan"))));
  for (const auto& mounted : {damaged, missing}) {
    replay_.reset();
    start(mounted);
    const auto report = ended();
    EXPECT_EQ(report.state, State::kRefused);
    EXPECT_FALSE(report.cause.empty());
    EXPECT_TRUE(report.from);
  }
}

TEST_F(ProfileReplayTest, OfAPlanBeyondTheLimitOnlyTheBeginningIsReplayed) {
  const auto mounted = snapshot("one");
  attach(mounted.first, plan_of(20));
  start(mounted, 5500);
  const auto report = ended();
  EXPECT_EQ(report.state, State::kDone);
  EXPECT_EQ(report.planned.objects, 20U);
  EXPECT_EQ(report.chosen.objects, 5U);
  EXPECT_EQ(report.fetched.bytes, 5000U);
  EXPECT_EQ(objects_.store.reads_of(id_of(4)), 1U);
  EXPECT_EQ(objects_.store.reads_of(id_of(5)), 0U);
}

TEST_F(ProfileReplayTest, HalfOfTheCacheIsLeftAlone) {
  const auto mounted = snapshot("one");
  attach(mounted.first, plan_of(20));
  start(mounted, 1 << 20, 8000);
  const auto report = ended();
  EXPECT_EQ(report.limit_bytes, 4000U);
  EXPECT_EQ(report.fetched.objects, 4U);
}

TEST_F(ProfileReplayTest, AnObjectThatNobodyHasIsCountedAndTheRestGoesOn) {
  const auto mounted = snapshot("one");
  attach(mounted.first, plan_of(10));
  objects_.store.lose(id_of(0));
  objects_.store.damage(id_of(7));
  start(mounted);
  const auto report = ended();
  EXPECT_EQ(report.state, State::kDone);
  EXPECT_EQ(report.failed.objects, 2U);
  EXPECT_EQ(report.fetched.objects, 8U);
  EXPECT_EQ(report.unused.objects, 8U);
  EXPECT_FALSE(report.cause.empty());
}

TEST_F(ProfileReplayTest, ASourceThatIsAwayIsTriedAgainLater) {
  const auto mounted = snapshot("one");
  attach(mounted.first, plan_of(40));
  for (size_t i = 0; i < 40; ++i) transport_->hold(id_of(i));
  start(mounted);
  ASSERT_TRUE(eventually([&] { return transport_->waiting() == 8; }));
  objects_.store.set_away(true);
  transport_->release_all();
  ASSERT_TRUE(eventually([&] { return fetcher_->stats().failures >= 16; }));
  objects_.store.set_away(false);
  const auto report = ended();
  EXPECT_EQ(report.state, State::kDone);
  EXPECT_EQ(report.fetched.objects, 40U);
  EXPECT_EQ(report.failed.objects, 0U);
}

TEST_F(ProfileReplayTest, ItGoesWhateverItWaitsFor) {
  const auto mounted = snapshot("one");
  attach(mounted.first, plan_of(20));
  transport_->hold(Digest::of(world_.names.serialise()));
  start(mounted);
  ASSERT_TRUE(eventually([&] { return transport_->waiting() == 1; }));
  replay_.reset();
  EXPECT_EQ(transport_->waiting(), 1U);

  transport_->release_all();
  for (size_t i = 0; i < 20; ++i) transport_->hold(id_of(i));
  start(mounted);
  ASSERT_TRUE(eventually([&] { return transport_->waiting() == 8; }));
  replay_.reset();
  EXPECT_EQ(transport_->waiting(), 8U);
  transport_->release_all();
  EXPECT_TRUE(eventually([&] { return fetcher_->stats().in_flight == 0; }));
}

}  // namespace
}  // namespace granary
