#include "fs/client/without_waiting.h"

#include <gtest/gtest.h>

#include <set>

#include "fs/client/mounted_snapshot.h"
#include "tests/support/changes.h"
#include "tests/support/mem_cache.h"
#include "tests/support/store_transport.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

constexpr int kFiles = 20'000;

Bytes name_of(int i) { return str("some-rather-long-name-to-fill-pages-", i); }

// A reader that has nothing at hand the first time it is asked.
class LateObjects : public ObjectReader {
 public:
  explicit LateObjects(ObjectReader& objects) : objects_(objects) {}
  Result<SharedBytes> read(const ObjectId& id) override {
    if (late_ && asked_.insert(id).second) return Error{Code::kUnavailable, "not yet"};
    return objects_.read(id);
  }
  void be_late() { late_ = true; }
  size_t late_objects() const { return asked_.size(); }

 private:
  ObjectReader& objects_;
  bool late_ = false;
  std::set<ObjectId> asked_;
};

class WithoutWaitingTest : public testing::Test {
 protected:
  CatalogWorld::Finished publish() {
    std::vector<Change> changes{put_directory("d")};
    for (int i = 0; i < kFiles; ++i) changes.push_back(put_file("d/" + name_of(i), "x"));
    return world_.publish(std::move(changes));
  }
  // A mount whose catalog's groups are held back from now on.
  void mount() {
    const auto finished = publish();
    std::vector<std::unique_ptr<Transport>> sources;
    auto transport = std::make_unique<StoreTransport>(world_.objects.store);
    transport_ = transport.get();
    sources.push_back(std::move(transport));
    FetcherOptions options;
    options.rounds = 1;
    options.failure_memory = std::chrono::milliseconds(0);
    options.failure_level = log::Level::kDebug;
    fetcher_ = std::make_unique<Fetcher>(std::move(sources), cache_, options);
    auto snapshot = MountedSnapshot::open(finished.catalog, *fetcher_, {"sw.example.org", "mem://store"});
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    snapshot_ = std::move(*snapshot);
    directory_ = (*snapshot_->lookup(kRootInode, "d"))->inode;
    ASSERT_TRUE(eventually([&] { return fetcher_->stats().in_flight == 0; }));
    new_objects_ = finished.new_objects;
    for (const ObjectId& id : new_objects_) transport_->hold(id);
  }

  // Asks until it need not wait any more; the number of turns.
  template <class Ask>
  int turns(const Ask& ask) {
    WithoutWaiting::Arrivals waited_for;
    for (int turn = 1;; ++turn) {
      const WithoutWaiting scope(waited_for);
      const auto answer = ask();
      if (answer || !WithoutWaiting::is_reason_for(answer.error())) return turn;
      transport_->release_all();
      Mailbox<Done> arrived;
      scope.missing()->then([&] { arrived.deliver(Done{}); });
      EXPECT_TRUE(arrived.wait_for(1));
      waited_for.push_back(scope.missing());
    }
  }

  CatalogWorld world_;
  MemCache cache_;
  StoreTransport* transport_ = nullptr;
  std::unique_ptr<Fetcher> fetcher_;
  std::unique_ptr<MountedSnapshot> snapshot_;
  std::vector<ObjectId> new_objects_;
  InodeNumber directory_ = 0;
};

TEST_F(WithoutWaitingTest, EveryQuestionToACatalogCanBeAskedAgainWhereverAPartWasMissing) {
  const auto finished = publish();
  LateObjects objects(world_.objects.reader);
  const auto catalog = *Catalog::open(finished.catalog, objects);
  const InodeNumber directory = catalog->resolve("d")->inode;
  objects.be_late();
  size_t failed = 0;
  const auto ask = [&](const auto& question) {
    for (;;) {
      auto answer = question();
      if (answer) return answer;
      EXPECT_EQ(answer.error().code, Code::kUnavailable) << answer.error().message;
      ++failed;
    }
  };
  for (int i = 0; i < kFiles; i += 97) {
    const Entry found = *ask([&] { return catalog->lookup(directory, name_of(i)); });
    EXPECT_EQ(found.name, name_of(i));
    EXPECT_EQ((*ask([&] { return catalog->by_inode(found.inode); })).name, found.name);
  }
  int listed = 0;
  EXPECT_TRUE(ask([&] {
    listed = 0;
    return catalog->list(directory, {}, [&](Entry&&) { return ++listed > 0; });
  }));
  EXPECT_EQ(listed, kFiles);
  EXPECT_GT(failed, 3U);
  EXPECT_EQ(failed, objects.late_objects());
}

TEST_F(WithoutWaitingTest, ALookUpFailsAtOnceAndGoesOnWithWhatItMissed) {
  mount();
  EXPECT_GT(turns([&] { return snapshot_->lookup(directory_, name_of(kFiles - 1)); }), 1);
  const auto found = snapshot_->lookup(directory_, name_of(kFiles - 1));
  ASSERT_TRUE(found);
  EXPECT_EQ((*found)->name, name_of(kFiles - 1));
  EXPECT_EQ(snapshot_->counters().lookups, 3U);  // however many turns each took
  EXPECT_EQ(snapshot_->counters().failures, 0U);
}

TEST_F(WithoutWaitingTest, AListingAnswersWithWhatIsAtHand) {
  mount();
  std::vector<Bytes> names;
  ListCookie after = 0;
  size_t shortest = kFiles;
  for (bool is_over = false; !is_over;) {
    turns([&] {
      auto part = snapshot_->list(directory_, after, kFiles);
      if (!part) return part;
      for (const Listed& listed : *part) names.push_back(listed.row->name);
      is_over = part->empty();
      if (!is_over) {
        after = part->back().cookie;
        shortest = std::min(shortest, part->size());
      }
      return part;
    });
  }
  EXPECT_EQ(names.size(), size_t{kFiles});
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_LT(shortest, size_t{kFiles});
}

TEST_F(WithoutWaitingTest, WhatCannotBeHadIsTheErrorOfWhoeverWaitedForIt) {
  mount();
  for (const ObjectId& id : new_objects_) world_.objects.store.lose(id);
  Result<Row> last = Error{Code::kInternal, ""};
  EXPECT_GT(turns([&] { return last = snapshot_->lookup(directory_, name_of(kFiles - 1)); }), 1);
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, Code::kUnavailable);
  EXPECT_EQ(snapshot_->counters().failures, 1U);
}

// A former snapshot on its way is one arrival for all who read what is still open of it.
TEST(ArrivalTest, AllWhoWaitForItGoOn) {
  Arrival arrival{ObjectId()};
  int told = 0;
  for (int i = 0; i < 3; ++i) arrival.then([&] { ++told; });
  EXPECT_EQ(told, 0);
  arrival.bring(SharedBytes());
  EXPECT_EQ(told, 3);
  arrival.then([&] { ++told; });
  EXPECT_EQ(told, 4);
}

TEST_F(WithoutWaitingTest, AnArrivalIsToldOnceItIsHere) {
  mount();
  const auto cold = std::find_if(new_objects_.begin(), new_objects_.end(), [&](auto& id) { return !cache_.holds(id); });
  ASSERT_NE(cold, new_objects_.end());
  const auto missing = Arrival::of(*cold, *fetcher_);
  EXPECT_FALSE(missing->result());
  Mailbox<Done> told;
  missing->then([&] { told.deliver(Done{}); });
  EXPECT_EQ(told.count(), 0U);
  transport_->release_all();
  EXPECT_TRUE(told.wait_for(1));
  EXPECT_TRUE(*missing->result());

  const auto at_hand = Arrival::of(*cold, *fetcher_);
  EXPECT_TRUE(at_hand->result());
  at_hand->then([&] { told.deliver(Done{}); });
  EXPECT_EQ(told.count(), 2U);
}

}  // namespace
}  // namespace granary
