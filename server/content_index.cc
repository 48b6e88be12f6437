// Keys, by their first letter:
//   C catalog               all contents of this catalog are here
//   D digest                → size, slice list of the content
//   F source path           → stat, digest of the file that had it
//   S source                → when it was last read
// `source` is a short digest of the source's name. Other letters belong to others (see `get`).
#include "server/content_index.h"

#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include <algorithm>
#include <ctime>

#include "fs/base/log.h"

namespace granary {

namespace {
constexpr size_t kSourceKeyBytes = 8;
constexpr size_t kMostSources = 16;  // a publisher of ever new temporary directories shall not fill the disk
constexpr size_t kPendingBytes = size_t{1} << 20;

leveldb::Slice slice(ByteView view) { return {view.data(), view.size()}; }
ByteView view(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

Bytes content_key(const Digest& digest) { return "D" + Bytes(digest.raw()); }
Bytes catalog_key(const CatalogId& catalog) { return "C" + Bytes(catalog.raw()); }
Bytes source_key(ByteView source) { return Bytes(Digest::of(source).raw().substr(0, kSourceKeyBytes)); }
Bytes file_key(ByteView source, ByteView path) { return "F" + source_key(source) + Bytes(path); }

Bytes encode_content(uint64_t size_bytes, const std::vector<Slice>& slices) {
  return ByteWriter().varint(size_bytes).bytes(encode_slices(slices)).take();
}

Bytes encode_file(const FileStat& stat, const Digest& digest) {
  return ByteWriter()
      .u64(stat.size_bytes)
      .i64(stat.mtime)
      .u32(stat.mtime_ns)
      .i64(stat.ctime)
      .u32(stat.ctime_ns)
      .u64(stat.inode)
      .u64(stat.device)
      .u32(stat.mode)
      .bytes(digest.raw())
      .take();
}

Error failed(const std::string& what, const leveldb::Status& status) {
  return {Code::kInternal, "cannot " + what + " the content index: " + status.ToString()};
}
}  // namespace

Result<std::unique_ptr<ContentIndex>> ContentIndex::open(const std::string& directory, ObjectStore& store,
                                                         const std::string& scratch) {
  TRY(make_directories(directory, 0700));
  auto lock = FileLock::try_lock(directory + "/owner");
  if (!lock && lock.error().code != Code::kBusy) return lock.error();
  if (lock) {
    std::unique_ptr<ContentIndex> index(new ContentIndex(directory + "/leveldb", store));
    index->lock_ = std::move(*lock);
    TRY(index->open_database());
    return index;
  }
  auto temporary = TRY(TemporaryDirectory::make(scratch));
  std::unique_ptr<ContentIndex> index(new ContentIndex(temporary.path() + "/leveldb", store));
  index->temporary_.emplace(std::move(temporary));
  log::info("ingest index-in-use", {{"directory", directory}});
  TRY(index->open_database());
  return index;
}

ContentIndex::ContentIndex(std::string directory, ObjectStore& store)
    : directory_(std::move(directory)), store_(store) {}

ContentIndex::~ContentIndex() {
  static_cast<void>(flush_pending());
  if (!is_damaged_) forget_old_sources();
  database_.reset();
  if (is_damaged_) leveldb::DestroyDB(directory_, {});
}

Status ContentIndex::open_database() {
  filter_.reset(leveldb::NewBloomFilterPolicy(10));
  cache_.reset(leveldb::NewLRUCache(size_t{32} << 20));
  {
    const MutexLock lock(mutex_);
    pending_ = std::make_unique<leveldb::WriteBatch>();
  }
  leveldb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.filter_policy = filter_.get();
  options.block_cache = cache_.get();
  options.write_buffer_size = size_t{16} << 20;
  options.compression = leveldb::kNoCompression;  // digests do not compress

  leveldb::DB* database = nullptr;
  leveldb::Status opened = leveldb::DB::Open(options, directory_, &database);
  if (!opened.ok()) {
    log::warn("ingest index-damaged", {{"directory", directory_}, {"cause", opened.ToString()}, {"remedy", "rebuilt"}});
    leveldb::DestroyDB(directory_, {});
    TRY(remove_tree(directory_));
    opened = leveldb::DB::Open(options, directory_, &database);
  }
  if (!opened.ok()) return failed("open", opened);
  database_.reset(database);
  return Done{};
}

std::optional<Bytes> ContentIndex::get(ByteView key) {
  if (is_damaged_) return std::nullopt;
  std::string value;
  const leveldb::Status got = database_->Get({}, slice(key), &value);
  if (got.ok()) return value;
  if (!got.IsNotFound()) begin_anew(got.ToString());
  return std::nullopt;
}

// From now on it knows nothing; it is removed when it is closed, and the next publish rebuilds it.
void ContentIndex::begin_anew(const std::string& cause) {
  if (is_damaged_.exchange(true)) return;
  log::warn("ingest index-damaged", {{"directory", directory_}, {"cause", cause}, {"remedy", "rebuilt next time"}});
}

Status ContentIndex::put(ByteView key, ByteView value) { return write(Bytes(key), value); }

Status ContentIndex::erase(ByteView key) {
  const leveldb::Status erased = database_->Delete({}, slice(key));
  return erased.ok() ? Status(Done{}) : failed("write", erased);
}

void ContentIndex::each(ByteView prefix, const std::function<bool(ByteView, ByteView)>& visit) {
  if (is_damaged_ || !flush_pending()) return;
  const std::unique_ptr<leveldb::Iterator> at(database_->NewIterator({}));
  for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next()) {
    if (!visit(view(at->key()), view(at->value()))) return;
  }
  if (!at->status().ok()) begin_anew(at->status().ToString());
}

Status ContentIndex::write(Bytes key, ByteView value) {
  {
    const MutexLock lock(mutex_);
    pending_->Put(key, slice(value));
    if (pending_->ApproximateSize() < kPendingBytes) return Done{};
  }
  return flush_pending();
}

Status ContentIndex::flush_pending() {
  const MutexLock lock(mutex_);
  if (is_damaged_ || database_ == nullptr) return Done{};
  const leveldb::Status written = database_->Write({}, pending_.get());
  pending_->Clear();
  return written.ok() ? Status(Done{}) : failed("write", written);
}

Status ContentIndex::prepare(Catalog& base) {
  if (get(catalog_key(base.id()))) return Done{};
  Status outcome = Done{};
  TRY(base.scan([&](Entry&& entry) {
    if (!entry.node.is_file()) return true;
    if (entry.slices_elsewhere) {
      const auto placed = base.slices(entry, 0, entry.node.size_bytes);
      if (!placed) return (outcome = placed.error()).has_value();
      for (const auto& one : *placed) entry.slices.push_back(one.slice);
    }
    outcome = replace(entry.node.digest, entry.node.size_bytes, entry.slices);
    return outcome.has_value();
  }));
  TRY(std::move(outcome));
  TRY(write(catalog_key(base.id()), {}));
  return flush_pending();
}

Status ContentIndex::replace(const Digest& digest, uint64_t size_bytes, const std::vector<Slice>& slices) {
  return write(content_key(digest), encode_content(size_bytes, slices));
}

std::optional<std::vector<Slice>> ContentIndex::find(const Digest& digest) {
  const auto value = get(content_key(digest));
  if (!value) return std::nullopt;
  ByteReader in(*value);
  const uint64_t size_bytes = in.varint();
  auto slices = decode_slices(in.bytes(in.remaining()), size_bytes);
  if (!slices || !all_exist(*slices)) return std::nullopt;
  return std::move(*slices);
}

bool ContentIndex::all_exist(const std::vector<Slice>& slices) {
  for (const Slice& one : slices) {
    if (!one.is_hole() && !store_.has(one.object).value_or(false)) return false;
  }
  return true;
}

std::optional<Content> ContentIndex::find(ByteView source, ByteView path, const FileStat& stat) {
  note_use(source);
  const auto value = get(file_key(source, path));
  if (!value || value->size() < Digest::kSizeBytes) return std::nullopt;
  const auto digest = Digest::from_raw(ByteView(*value).substr(value->size() - Digest::kSizeBytes));
  if (!digest || *value != encode_file(stat, *digest)) return std::nullopt;
  if (stat.size_bytes == 0) return Content{*digest, 0, {}};
  auto slices = find(*digest);
  if (!slices) return std::nullopt;
  return Content{*digest, stat.size_bytes, std::move(*slices)};
}

void ContentIndex::remember(ByteView source, ByteView path, const FileStat& stat, const Digest& digest) {
  note_use(source);
  if (const Status written = write(file_key(source, path), encode_file(stat, digest)); !written)
    begin_anew(written.error().message);
}

void ContentIndex::note_use(ByteView source) {
  const MutexLock lock(mutex_);
  sources_.insert(source_key(source));
}

Status ContentIndex::note_commit(const ChangeSet& changes, const CatalogId& catalog) {
  for (const Change& change : changes.changes) {
    if (change.kind == Change::Kind::kPut && change.node.is_file())
      TRY(replace(change.node.digest, change.node.size_bytes, change.slices));
  }
  TRY(write(catalog_key(catalog), {}));
  return flush_pending();
}

void ContentIndex::forget_old_sources() {
  std::vector<std::pair<uint64_t, Bytes>> sources;  // when last used, which
  const auto now = static_cast<uint64_t>(std::time(nullptr));
  {
    const MutexLock lock(mutex_);
    for (const Bytes& source : sources_) pending_->Put("S" + source, ByteWriter().u64(now).take());
  }
  each("S", [&](ByteView key, ByteView value) {
    sources.emplace_back(ByteReader(value).u64(), key.substr(1));
    return true;
  });
  if (sources.size() <= kMostSources) return;
  std::sort(sources.begin(), sources.end());
  sources.resize(sources.size() - kMostSources);
  for (const auto& [time, source] : sources) {
    leveldb::WriteBatch gone;
    each("F" + source, [&](ByteView key, ByteView) {
      gone.Delete(slice(key));
      return true;
    });
    gone.Delete("S" + source);
    database_->Write({}, &gone);
  }
}

}  // namespace granary
