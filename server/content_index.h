// ContentIndex: what the publisher remembers between publishes: where contents lie, and which files of which source
// had which content when last seen. Hints only: whatever it says is checked against what exists, and it can be rebuilt
// from a catalog at any time. A LevelDB below .granary/index, which admits one process: whoever comes second works with
// a temporary one, and only reads more. Damage is warned of once and cured by beginning anew.
// Safe from many threads. Borrows the store.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "fs/base/file.h"
#include "fs/base/mutex.h"
#include "fs/format/catalog.h"
#include "fs/store/object_store.h"
#include "server/change_set.h"
#include "server/tree_source.h"

namespace leveldb {
class DB;
class Cache;
class FilterPolicy;
class WriteBatch;
}  // namespace leveldb

namespace granary {

class ContentIndex : public KnownContents, public StatCache {
 public:
  // `directory` is made if it is missing. `scratch`: where a temporary index goes when another process has this one.
  // `store`: answers whether objects exist.
  static Result<std::unique_ptr<ContentIndex>> open(const std::string& directory, ObjectStore& store,
                                                    const std::string& scratch);
  ~ContentIndex() override;

  // Makes all contents of `base` known, by a scan of it unless they are already.
  Status prepare(Catalog& base);

  std::optional<std::vector<Slice>> find(const Digest& digest) override;
  std::optional<Content> find(ByteView source, ByteView path, const FileStat& stat) override;
  void remember(ByteView source, ByteView path, const FileStat& stat, const Digest& digest) override;

  // To be called when `catalog`, which is the base that was prepared with `changes` applied, was committed.
  Status note_commit(const ChangeSet& changes, const CatalogId& catalog);
  // Gives a content other slices (re-packing).
  Status replace(const Digest& digest, uint64_t size_bytes, const std::vector<Slice>& slices);

  // What others keep here, under keys of their own; see LivePacks. Nothing when there is no such key, or no sound
  // index.
  std::optional<Bytes> get(ByteView key);
  Status put(ByteView key, ByteView value);
  Status erase(ByteView key);
  // Every key that begins with `prefix`, in order, until `visit` answers false.
  void each(ByteView prefix, const std::function<bool(ByteView key, ByteView value)>& visit);

  bool is_temporary() const { return temporary_.has_value(); }

 private:
  ContentIndex(std::string directory, ObjectStore& store);

  Status open_database();
  void begin_anew(const std::string& cause);
  Status write(Bytes key, ByteView value);
  Status flush_pending();
  void note_use(ByteView source);
  void forget_old_sources();
  bool all_exist(const std::vector<Slice>& slices);

  const std::string directory_;
  ObjectStore& store_;
  std::optional<FileLock> lock_;
  std::optional<TemporaryDirectory> temporary_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<leveldb::DB> database_;
  std::atomic<bool> is_damaged_{false};

  Mutex mutex_;
  std::unique_ptr<leveldb::WriteBatch> pending_ GUARDED_BY(mutex_);
  std::unordered_set<Bytes> sources_ GUARDED_BY(mutex_);  // seen since it was opened
};

}  // namespace granary
