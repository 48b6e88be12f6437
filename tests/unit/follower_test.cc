#include "fs/client/follower.h"

#include <gtest/gtest.h>

#include "tests/support/changes.h"
#include "tests/support/mem_cache.h"
#include "tests/support/store_transport.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Forgetful : public KernelCaches {
 public:
  Status forget_name(InodeNumber, ByteView) override { return Done{}; }
  Status forget_attributes(InodeNumber) override { return Done{}; }
  Status forget_listing(InodeNumber) override { return Done{}; }
};

class FollowerTest : public testing::Test {
 protected:
  FollowerTest() {
    std::vector<std::unique_ptr<Transport>> sources;
    sources.push_back(std::make_unique<StoreTransport>(world_.objects.store));
    FetcherOptions options;
    options.rounds = 1;
    options.failure_memory = milliseconds(0);
    options.failure_level = log::Level::kDebug;
    fetcher_ = std::make_unique<Fetcher>(std::move(sources), cache_, options);
  }

  // The next state of the branch, as a verified head would name it.
  ResolvedSnapshot publish(std::vector<Change> changes) {
    newest_.snapshot.catalog = world_.publish(base_, change_set(std::move(changes))).catalog;
    base_ = newest_.snapshot.catalog;
    newest_.id = Digest::of(newest_.snapshot.catalog.hex());
    newest_.branch = newest_.selector = "main";
    return newest_;
  }
  void serve(const ResolvedSnapshot& resolved) {
    auto snapshot = MountedSnapshot::open(resolved.snapshot.catalog, *fetcher_, {"sw.example.org", "mem://store"});
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    snapshots_.emplace(*fetcher_, resolved, *std::move(snapshot));
    follower_.emplace(Follower::Parts{*snapshots_,
                                      *fetcher_,
                                      caches_,
                                      [this](const SnapshotSelector&) -> Result<ResolvedSnapshot> {
                                        if (trouble_) return *trouble_;
                                        return newest_;
                                      },
                                      {},
                                      {},
                                      "/mnt"},
                      Follower::Options{SnapshotSelector{}, {}, {}});
  }
  Result<Follower::Outcome> look() {
    const uint64_t number = *follower_->look({});
    EXPECT_TRUE(eventually([&] { return follower_->outcome(number).has_value(); }));
    return *follower_->outcome(number);
  }
  Result<ServedSnapshots::Located> lookup(InodeNumber directory, ByteView name) {
    const auto turn = snapshots_->begin_turn();
    return snapshots_->lookup(turn, directory, name);
  }

  CatalogWorld world_;
  MemCache cache_;
  std::unique_ptr<Fetcher> fetcher_;
  Forgetful caches_;
  ResolvedSnapshot newest_;
  std::optional<CatalogId> base_;
  std::optional<Error> trouble_;
  std::optional<ServedSnapshots> snapshots_;
  std::optional<Follower> follower_;
};

TEST(PauseBeforeLook, LiesInTheSecondHalfOfTheIntervalAndGrowsWithTheSameFailure) {
  EXPECT_EQ(pause_before_look(seconds(60), 0, 0), seconds(30));
  EXPECT_EQ(pause_before_look(seconds(60), 0, 1), seconds(60));
  EXPECT_EQ(pause_before_look(seconds(60), 0, 0.5), seconds(45));
  EXPECT_EQ(pause_before_look(seconds(60), 1, 1), seconds(120));
  EXPECT_EQ(pause_before_look(seconds(60), 100, 1), seconds(960));
}

TEST_F(FollowerTest, ANewSnapshotTakesThePlaceAndTheFormerOneAnswersForItsOwn) {
  serve(publish({put_directory("d"), put_file("d/a", "1")}));
  const InodeNumber d = (*lookup(kRootInode, "d")).row->inode;
  const InodeNumber old = (*lookup(d, "a")).row->inode;
  publish({put_file("d/a", "2"), put_file("d/b", "1")});

  const auto outcome = look();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->to, newest_.id);
  EXPECT_EQ(outcome->forgotten.names, 2U);
  EXPECT_EQ((*lookup(kRootInode, "d")).row->inode, d);
  EXPECT_NE((*lookup(d, "a")).row->inode, old);
  const auto turn = snapshots_->begin_turn();
  const auto former = snapshots_->row(turn, old);
  ASSERT_TRUE(former) << former.error().message;
  EXPECT_EQ(former->row->node.digest, Digest::of("1"));
  EXPECT_EQ(snapshots_->row(turn, 4711).error().code, Code::kNotFound);
  EXPECT_EQ(snapshots_->former().size(), 1U);
}

TEST_F(FollowerTest, AListingGoesOnBehindANameThatIsGone) {
  serve(publish({put_file("a", "1"), put_file("b", "1"), put_file("c", "1")}));
  ListCookie behind_b = 0;
  {
    const auto turn = snapshots_->begin_turn();
    behind_b = snapshots_->list(turn, kRootInode, 0, 2)->entries.back().cookie;
  }
  publish({remove_path("b"), put_file("bb", "1")});
  ASSERT_TRUE(look());
  const auto turn = snapshots_->begin_turn();
  const auto rest = snapshots_->list(turn, kRootInode, behind_b, 10);
  ASSERT_TRUE(rest) << rest.error().message;
  ASSERT_EQ(rest->entries.size(), 2U);
  EXPECT_EQ(rest->entries[0].row->name, "bb");
  EXPECT_EQ(rest->entries[1].row->name, "c");
}

TEST_F(FollowerTest, WhateverIsWrongItStaysAndSaysSo) {
  const ResolvedSnapshot first = publish({put_file("a", "1")});
  serve(first);
  trouble_ = Error{Code::kUntrusted, "withdrawn"};
  EXPECT_EQ(look().error().code, Code::kUntrusted);
  EXPECT_EQ(follower_->state().held_back_by, "withdrawn");
  trouble_.reset();
  publish({put_file("a", "2")});
  world_.objects.store.lose(newest_.snapshot.catalog);  // a catalog that nobody has
  EXPECT_FALSE(look());
  EXPECT_EQ(snapshots_->current()->resolved.id, first.id);
  newest_ = first;
  ASSERT_TRUE(look());
  EXPECT_EQ(follower_->state().held_back_by, "");
  EXPECT_EQ(follower_->state().switches, 0U);
}

}  // namespace
}  // namespace granary
