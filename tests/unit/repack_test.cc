#include "server/repack.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "fs/store/dir_store.h"
#include "server/packer.h"
#include "support/memory_objects.h"

namespace granary {
namespace {

// A branch of small files on which releases follow each other.
class Releases {
 public:
  explicit Releases(bool repacks) : repacks_(repacks) {}

  Result<Digest> publish(const std::map<Bytes, Bytes>& files) {
    ContentTable contents;
    Packer packer(objects_, nullptr, contents);
    ChangeSet changes;
    std::vector<ContentTable::Number> numbers;
    uint64_t new_bytes = 0;
    for (const auto& [path, bytes] : files) {
      const Bytes directory = path.substr(0, path.find('/'));
      if (directories_.insert(directory).second) {
        changes.changes.emplace_back().path = directory;
        changes.changes.back().node.type = NodeType::kDirectory;
        numbers.push_back(ContentTable::kNone);
      }
      Change& change = changes.changes.emplace_back();
      change.path = path;
      change.node.size_bytes = bytes.size();
      change.node.digest = Digest::of(bytes);
      numbers.push_back(TRY(packer.add(change.node.digest, bytes)));
      new_bytes += bytes.size();
    }
    TRY(packer.finish());
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (numbers[i] == ContentTable::kNone) continue;
      const auto slices = contents.slices(numbers[i]);
      changes.changes[i].slices.assign(slices.begin(), slices.end());
    }
    return commit(changes, new_bytes);
  }

  struct Waste {
    double dead = 0;                 // part of the packs' bytes that the newest release does not use
    double packs_per_directory = 0;  // on average
  };
  Waste waste() {
    std::map<ObjectId, uint64_t> live;
    std::map<InodeNumber, std::set<ObjectId>> per_directory;
    EXPECT_TRUE(Catalog::open(*head_, objects_).value()->scan([&](Entry&& entry) {
      for (const Slice& slice : entry.slices) {
        live[slice.object] += slice.length_bytes;
        per_directory[entry.parent].insert(slice.object);
      }
      return true;
    }));
    uint64_t used = 0, all = 0;
    for (const auto& [id, bytes] : live) {
      used += bytes;
      all += objects_.at(id).size();
    }
    size_t packs = 0;
    for (const auto& [directory, ids] : per_directory) packs += ids.size();
    return {1 - static_cast<double>(used) / static_cast<double>(all),
            static_cast<double>(packs) / static_cast<double>(per_directory.size())};
  }

  // Every file's bytes, as the newest release has them.
  void expect_files(const std::map<Bytes, Bytes>& files) {
    const auto catalog = *Catalog::open(*head_, objects_);
    for (const auto& [path, bytes] : files) {
      const auto entry = catalog->resolve(path);
      ASSERT_TRUE(entry) << path;
      const Slice& slice = entry->slices.at(0);
      EXPECT_EQ(objects_.at(slice.object).substr(slice.offset_bytes, slice.length_bytes), bytes) << path;
    }
  }
  // Scanned counts are the kept ones.
  void expect_counts_right() {
    const auto catalog = *Catalog::open(*head_, objects_);
    const auto kept = *LivePacks::load(*index_, "main", catalog.get());
    const auto scanned = *LivePacks::load(*index_, "another branch", catalog.get());
    for (const auto& [id, pack] : scanned.packs()) EXPECT_EQ(kept.packs().at(id).live_bytes, pack.live_bytes);
    EXPECT_EQ(kept.packs().size(), scanned.packs().size());
  }

 private:
  Result<Digest> commit(const ChangeSet& changes, uint64_t new_bytes) {
    std::unique_ptr<Catalog> base;
    if (head_) base = TRY(Catalog::open(*head_, objects_));
    const auto editor = TRY(CatalogEditor::open(head_, objects_, next_inode_, scratch_.path()));
    TRY(editor->apply(changes));
    LivePacks packs = TRY(LivePacks::load(*index_, "main", base.get()));
    TRY(packs.apply(changes, base.get()));
    if (repacks_ && base) TRY(repack(*base, changes, packs, objects_, objects_, *editor, 4 * new_bytes));
    const auto finished = TRY(editor->finish(objects_));
    TRY(packs.save(finished.catalog));
    head_ = finished.catalog;
    next_inode_ = finished.next_inode;
    index_.reset();  // as another process would find it
    index_ = TRY(ContentIndex::open(scratch_.path() + "/index", store_, scratch_.path()));
    return finished.tree;
  }

  const bool repacks_;
  MemoryObjects objects_;
  TemporaryDirectory scratch_ = std::move(*TemporaryDirectory::make());
  DirStore store_{scratch_.path()};
  std::unique_ptr<ContentIndex> index_ = *ContentIndex::open(scratch_.path() + "/index", store_, scratch_.path());
  std::optional<CatalogId> head_;
  InodeNumber next_inode_ = kFirstFreeInode;
  std::set<Bytes> directories_;
};

TEST(Repack, OverManyReleasesWasteStaysBoundedAndTheTreeTheSame) {
  const uint32_t seed = 4711;
  std::mt19937 random(seed);
  const auto content = [&] {
    return str(random()) + Bytes(1000 + random() % 6000, static_cast<char>('a' + random() % 26));
  };
  std::map<Bytes, Bytes> all;
  for (int directory = 0; directory < 20; ++directory) {
    for (int file = 0; file < 40; ++file) all[str("d", 10 + directory, "/f", 10 + file)] = content();
  }
  Releases plain(false), repacked(true);
  EXPECT_EQ(*plain.publish(all), *repacked.publish(all));
  for (int release = 0; release < 40; ++release) {
    std::map<Bytes, Bytes> changed;
    for (int package = 0; package < 6; ++package) {
      const auto directory = random() % 20;
      for (int i = 0; i < 6; ++i) {
        const Bytes path = str("d", 10 + directory, "/f", 10 + random() % 40);
        all[path] = changed[path] = content();
      }
    }
    const auto expected = plain.publish(changed);
    const auto digest = repacked.publish(changed);
    ASSERT_TRUE(digest) << digest.error().message;
    EXPECT_EQ(*digest, *expected);
  }
  repacked.expect_files(all);
  repacked.expect_counts_right();
  const auto without = plain.waste(), with = repacked.waste();
  RecordProperty("dead_without", str(without.dead));
  RecordProperty("dead_with", str(with.dead));
  EXPECT_LT(with.dead, without.dead / 2) << with.dead << " against " << without.dead;
  EXPECT_LT(with.packs_per_directory, without.packs_per_directory * 0.7)
      << with.packs_per_directory << " against " << without.packs_per_directory;
}

}  // namespace
}  // namespace granary
