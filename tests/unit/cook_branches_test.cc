#include "server/cook_branches.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "server/checker.h"
#include "server/collector.h"
#include "server/refs.h"
#include "tests/support/test_repo.h"

namespace granary {
namespace {

class Later : public Clock {
 public:
  explicit Later(int64_t seconds) : seconds_(seconds) {}
  UnixSeconds now() const override { return Clock::system().now() + seconds_; }

 private:
  const int64_t seconds_;
};

constexpr int64_t kDay = 86400;
const Digest kKey = Digest::of("key");

std::set<std::string> branches_of(TestRepo& repo) {
  std::set<std::string> names;
  const auto state = repo.repository().read();
  for (const auto& [name, envelope] : state->record.branches) names.insert(name);
  return names;
}

EvictedCooks evict(TestRepo& repo, int64_t older_seconds, int64_t later_seconds, bool dry_run = false) {
  const auto evicted = evict_cook_branches(repo.repository(), older_seconds, dry_run, Later(later_seconds));
  EXPECT_TRUE(evicted) << evicted.error().message;
  return evicted.value_or({});
}

TEST(CookBranchesTest, ALayerGoesWhenNobodyHasUsedItForSoLong) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  repo.publish({{"a", "2"}}, cook_layer_branch(kKey));

  EXPECT_EQ(evict(repo, 30 * kDay, 29 * kDay).layers, 0U);
  EXPECT_EQ(evict(repo, 30 * kDay, 31 * kDay, true).layers, 1U);  // counted only
  EXPECT_TRUE(branches_of(repo).contains(cook_layer_branch(kKey)));
  EXPECT_EQ(evict(repo, 30 * kDay, 31 * kDay).layers, 1U);
  EXPECT_EQ(branches_of(repo), std::set<std::string>{"main"});
}

TEST(CookBranchesTest, TheNoteOfAUseKeepsALayer) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  repo.publish({{"a", "2"}}, cook_layer_branch(kKey));
  const std::string note = cook_layer_note(repo.repository(), kKey);
  ASSERT_TRUE(make_directories(note.substr(0, note.rfind('/'))));
  ASSERT_TRUE(replace_file(note, "{}", 0644, Durability::kFast));
  const timespec used[2] = {{Clock::system().now() + 20 * kDay, 0}, {Clock::system().now() + 20 * kDay, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, note.c_str(), used, 0), 0);

  EXPECT_EQ(evict(repo, 30 * kDay, 31 * kDay).layers, 0U);
  EXPECT_EQ(evict(repo, 30 * kDay, 51 * kDay).layers, 1U);
  EXPECT_FALSE(exists(note));
}

TEST(CookBranchesTest, WhatWasUsedWithinTheHourStaysWhateverIsAsked) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  repo.publish({{"a", "2"}}, cook_layer_branch(kKey));
  EXPECT_EQ(evict(repo, 0, 1800).layers, 0U);
  EXPECT_EQ(evict(repo, 0, 3700).layers, 1U);
}

TEST(CookBranchesTest, EvidenceLivesAsLongAsItsSnapshot) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const SnapshotId kept = repo.publish({{"a", "2"}}).snapshot;
  const SnapshotId gone = repo.publish({{"b", "2"}}, "other").snapshot;
  repo.publish({{"lock", "kept"}}, cook_evidence_branch(kept));
  repo.publish({{"lock", "gone"}}, cook_evidence_branch(gone));
  repo.publish({{"a", "3"}});  // history keeps `kept`
  ASSERT_TRUE(repo.repository().commit([&](const RepositoryState&, Repository::Draft& draft) -> Status {
    draft.next.branches.erase("other");
    draft.next.action = {{"do", "delete-branch"}};
    return Done{};
  }));

  EXPECT_EQ(evict(repo, kDay, 0).evidence, 1U);
  EXPECT_EQ(branches_of(repo), (std::set<std::string>{"main", cook_evidence_branch(kept)}));
}

TEST(CookBranchesTest, ACollectionTakesTheObjectsOfAnEvictedLayer) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  repo.publish({{"large", random_text(1, 200'000)}}, cook_layer_branch(kKey));
  CollectOptions options;
  options.directory = repo.directory();
  const Later much_later(100 * kDay);
  options.clock = &much_later;
  const auto collected = collect(options);
  ASSERT_TRUE(collected) << collected.error().message;
  EXPECT_EQ(collected->evicted.layers, 1U);
  EXPECT_EQ(collected->eviction_failure, "");
  EXPECT_GT(collected->quarantined_bytes, 100'000U);
}

// ---- what cooking needs of publishing

TEST(AdoptSnapshotTest, ABranchBecomesTheTreeOfAnotherBranchsSnapshot) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const Published layer = repo.publish({{"a", "2"}}, cook_layer_branch(kKey));
  const size_t objects = repo.object_files().size();

  const auto adopted = adopt_snapshot(repo.repository(), "main", "v1", layer.snapshot, "cooked");
  ASSERT_TRUE(adopted) << adopted.error().message;
  EXPECT_TRUE(adopted->changed);
  EXPECT_EQ(adopted->tree, layer.tree);
  EXPECT_LE(repo.object_files().size(), objects + 2);  // the snapshot, the names: no content
  const auto state = repo.repository().read();
  EXPECT_EQ(state->branch("main")->snapshot, adopted->snapshot);
  EXPECT_EQ(state->tag("v1")->snapshot, adopted->snapshot);
  EXPECT_EQ(repo.repository().snapshot(adopted->snapshot)->parents.size(), 1U);

  const auto again = adopt_snapshot(repo.repository(), "main", "v1", layer.snapshot, "cooked");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->changed);
  EXPECT_EQ(again->revision, adopted->revision);  // nothing was committed
  EXPECT_EQ(again->snapshot, adopted->snapshot);
}

TEST(AdoptSnapshotTest, ANewBranchIsMadeAndATagIsNeverRePointed) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const Published layer = repo.publish({{"a", "2"}}, cook_layer_branch(kKey));
  ASSERT_TRUE(create_tag(repo.repository(), "v1", repo.repository().read()->branch("main")->snapshot));
  EXPECT_EQ(adopt_snapshot(repo.repository(), "new", "v1", layer.snapshot, "").error().code, Code::kInvalid);
  const auto adopted = adopt_snapshot(repo.repository(), "new", "", layer.snapshot, "");
  ASSERT_TRUE(adopted) << adopted.error().message;
  EXPECT_TRUE(repo.repository().snapshot(adopted->snapshot)->parents.empty());
  CheckOptions check;
  check.directory = repo.directory();
  check.deep = true;
  EXPECT_TRUE(check_repository(check)->sound());
}

}  // namespace
}  // namespace granary
