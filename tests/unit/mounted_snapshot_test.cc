#include "fs/client/mounted_snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "tests/support/changes.h"
#include "tests/support/mem_cache.h"
#include "tests/support/store_transport.h"

namespace granary {
namespace {

using testing::ElementsAre;
using Sought = MountedSnapshot::Sought;

class MountedSnapshotTest : public testing::Test {
 protected:
  // A file whose bytes lie in the store.
  Change file(ByteView path, const Bytes& content) {
    EXPECT_TRUE(world_.objects.writer.write(content));
    return put_file(path, content);
  }
  void mount(std::vector<Change> changes) { mount_catalog(world_.publish(std::move(changes)).catalog); }
  void mount_catalog(const CatalogId& catalog) {
    std::vector<std::unique_ptr<Transport>> sources;
    auto transport = std::make_unique<StoreTransport>(world_.objects.store);
    transport_ = transport.get();
    sources.push_back(std::move(transport));
    FetcherOptions options;
    options.rounds = 1;
    options.failure_memory = std::chrono::milliseconds(0);
    fetcher_ = std::make_unique<Fetcher>(std::move(sources), cache_, options);
    auto snapshot = MountedSnapshot::open(catalog, *fetcher_, {"sw.example.org", "mem://store"});
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    snapshot_ = std::move(*snapshot);
  }

  Row row(ByteView path) {
    Row row = *snapshot_->row(kRootInode);
    while (!path.empty()) {
      const ByteView name = path.substr(0, path.find('/'));
      path.remove_prefix(std::min(path.size(), name.size() + 1));
      const auto next = snapshot_->lookup(row->inode, name);
      EXPECT_TRUE(next) << name << ": " << next.error().message;
      row = *next;
    }
    return row;
  }

  using Answer = std::future<Result<Bytes>>;
  Answer start_read(InodeNumber inode, uint64_t offset, size_t size) {
    auto promise = std::make_shared<std::promise<Result<Bytes>>>();
    const auto plan = snapshot_->plan_read(*snapshot_->row(inode), offset, size);
    if (!plan) {
      promise->set_value(plan.error());
      return promise->get_future();
    }
    snapshot_->read(*plan, [promise](Result<ByteView> bytes) {
      promise->set_value(bytes ? Result<Bytes>(Bytes(*bytes)) : Result<Bytes>(bytes.error()));
    });
    return promise->get_future();
  }
  Result<Bytes> read(ByteView path, uint64_t offset = 0, size_t size = 1 << 20) {
    return start_read(row(path)->inode, offset, size).get();
  }

  std::vector<Bytes> names_in(ByteView directory, size_t at_a_time) {
    std::vector<Bytes> out;
    ListCookie after = 0;
    for (;;) {
      const auto part = snapshot_->list(row(directory)->inode, after, at_a_time);
      EXPECT_TRUE(part) << part.error().message;
      if (!part || part->empty()) return out;
      for (const Listed& listed : *part) out.push_back(listed.row->name);
      after = part->back().cookie;
    }
  }

  CatalogWorld world_;
  MemCache cache_;
  StoreTransport* transport_ = nullptr;
  std::unique_ptr<Fetcher> fetcher_;
  std::unique_ptr<MountedSnapshot> snapshot_;
};

TEST_F(MountedSnapshotTest, FilesReadAsTheyWerePublished) {
  mount({put_directory("etc"), file("etc/motd", "hello"), put_file("etc/empty", "")});
  EXPECT_EQ(*read("etc/motd"), "hello");
  EXPECT_EQ(*read("etc/motd", 1, 3), "ell");
  EXPECT_EQ(*read("etc/motd", 4, 100), "o");
  EXPECT_EQ(*read("etc/motd", 5, 1), "");
  EXPECT_EQ(*read("etc/empty"), "");
  EXPECT_EQ(read("etc").error().code, Code::kInvalid);
  EXPECT_EQ(snapshot_->lookup(row("etc")->inode, "nothing").error().code, Code::kNotFound);
  EXPECT_EQ(snapshot_->row(4711).error().code, Code::kNotFound);
}

TEST_F(MountedSnapshotTest, AFileOfManySlicesReadsAcrossThemAndItsHoles) {
  const Bytes a(1000, 'a');
  const Bytes b(500, 'b');
  Change sparse = file("sparse", a);
  ASSERT_TRUE(world_.objects.writer.write(b));
  sparse.slices = {{Digest::of(a), 0, 1000}, {Digest(), 0, 4096}, {Digest::of(b), 100, 400}, {Digest(), 0, 10}};
  const Bytes whole = a + Bytes(4096, '\0') + b.substr(100) + Bytes(10, '\0');
  sparse.node.size_bytes = whole.size();
  sparse.node.digest = Digest::of(whole);
  mount({sparse});

  EXPECT_EQ(*read("sparse"), whole);
  for (const auto& [offset, size] : {std::pair(999, 2), {1000, 4096}, {5095, 2}, {5400, 200}, {5506, 1}})
    EXPECT_EQ(*read("sparse", offset, size), whole.substr(offset, size)) << offset;

  const Row file = row("sparse");
  EXPECT_EQ(*snapshot_->data_bytes(file), 1400U);
  EXPECT_EQ(**snapshot_->seek(file, 0, Sought::kHole), 1000U);
  EXPECT_EQ(**snapshot_->seek(file, 1500, Sought::kData), 5096U);
  EXPECT_EQ(**snapshot_->seek(file, 5100, Sought::kData), 5100U);
  EXPECT_EQ(*snapshot_->seek(file, 5500, Sought::kData), std::nullopt);
  EXPECT_EQ(*snapshot_->seek(file, whole.size(), Sought::kHole), std::nullopt);
  EXPECT_THAT(*snapshot_->objects(file), ElementsAre(Digest::of(a), Digest::of(b)));
}

TEST_F(MountedSnapshotTest, AHoleIsSoughtAtTheEndOfAFileWithoutOne) {
  mount({file("whole", "hello")});
  EXPECT_EQ(**snapshot_->seek(row("whole"), 2, Sought::kHole), 5U);
  EXPECT_EQ(**snapshot_->seek(row("whole"), 2, Sought::kData), 2U);
}

TEST_F(MountedSnapshotTest, AListingGoesOnFromEveryEntry) {
  std::vector<Change> changes{put_directory("many")};
  std::vector<Bytes> wanted;
  for (int i = 100; i < 400; ++i) {
    changes.push_back(put_file(str("many/file", i), ""));
    wanted.push_back(str("file", i));
  }
  mount(std::move(changes));
  for (const size_t at_a_time : {1, 7, 1000}) EXPECT_EQ(names_in("many", at_a_time), wanted) << at_a_time;
}

TEST_F(MountedSnapshotTest, AListingGoesOnAmongNamesOfOneInode) {
  mount({put_directory("d"), put_directory("e"), grouped(put_file("d/a", "x"), 1), grouped(put_file("d/b", "x"), 1),
         put_file("d/c", ""), grouped(put_file("d/d", "x"), 1), grouped(put_file("e/a", "x"), 1)});
  EXPECT_THAT(names_in("d", 1), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(names_in("e", 1), ElementsAre("a"));
}

TEST_F(MountedSnapshotTest, ACookieOfAnotherDirectoryIsRefused) {
  mount({put_directory("d"), put_directory("e"), put_file("d/a", ""), put_file("e/a", "")});
  const auto listed = *snapshot_->list(row("d")->inode, 0, 10);
  EXPECT_EQ(snapshot_->list(row("e")->inode, listed.back().cookie, 10).error().code, Code::kInvalid);
}

TEST_F(MountedSnapshotTest, AMissDoesNotHoldUpAHit) {
  mount({file("slow", "slow bytes"), file("fast", "fast bytes")});
  EXPECT_EQ(*read("fast"), "fast bytes");
  transport_->hold(Digest::of("slow bytes"));

  auto slow = start_read(row("slow")->inode, 0, 100);
  EXPECT_EQ(*read("fast"), "fast bytes");
  EXPECT_EQ(slow.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  EXPECT_GE(snapshot_->counters().parked_reads, 1U);

  transport_->release_all();
  EXPECT_EQ(*slow.get(), "slow bytes");
}

TEST_F(MountedSnapshotTest, AMissingObjectFailsThatReadOnlyAndHeals) {
  mount({file("a", "alpha"), file("b", "beta")});
  world_.objects.store.lose(Digest::of("alpha"));
  testing::internal::CaptureStderr();
  EXPECT_EQ(read("a").error().code, Code::kUnavailable);
  EXPECT_EQ(*read("b"), "beta");
  ASSERT_TRUE(world_.objects.writer.write("alpha"));
  EXPECT_EQ(*read("a"), "alpha");
  EXPECT_FALSE(snapshot_->last_failure().empty());
  EXPECT_EQ(snapshot_->counters().failures, 1U);

  snapshot_.reset();  // writes what is left to tell
  const std::string said = testing::internal::GetCapturedStderr();
  for (const std::string& word : {std::string("repository=sw.example.org"), std::string("path=/a"),
                                  "object=" + Digest::of("alpha").hex(), std::string("source=mem://store")})
    EXPECT_NE(said.find(word), std::string::npos) << word << " in " << said;
}

TEST_F(MountedSnapshotTest, AnObjectShorterThanItsSliceIsNotFilledUp) {
  Change change = file("short", "hello");
  change.node.size_bytes = 10;
  change.slices = {{Digest::of("hello"), 0, 10}};
  mount({change});
  EXPECT_EQ(read("short").error().code, Code::kCorrupt);
}

TEST_F(MountedSnapshotTest, AMissingPartOfTheCatalogIsNotAMissingName) {
  std::vector<Change> changes{put_directory("d")};
  for (int i = 0; i < 20'000; ++i) changes.push_back(put_file(str("d/some-rather-long-name-to-fill-pages-", i), "x"));
  const auto finished = world_.publish(std::move(changes));
  mount_catalog(finished.catalog);
  const Row directory = row("d");
  std::vector<Bytes> kept;
  for (const ObjectId& id : finished.new_objects) {
    kept.push_back(*world_.objects.store.get(id));
    world_.objects.store.lose(id);
  }

  const Bytes name = "some-rather-long-name-to-fill-pages-19999";
  const auto lost = snapshot_->lookup(directory->inode, name);
  ASSERT_FALSE(lost);
  EXPECT_NE(lost.error().code, Code::kNotFound) << lost.error().message;

  for (size_t i = 0; i < kept.size(); ++i) ASSERT_TRUE(world_.objects.store.put(finished.new_objects[i], kept[i]));
  EXPECT_TRUE(snapshot_->lookup(directory->inode, name));
}

}  // namespace
}  // namespace granary
