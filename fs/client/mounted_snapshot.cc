// A request becomes at most one query of the catalog, and none when the row is hot. A read becomes pieces of objects;
// the thread that brings the last missing object copies them out and answers.
#include "fs/client/mounted_snapshot.h"

#include <algorithm>
#include <unordered_set>

#include "fs/client/without_waiting.h"

namespace granary {

namespace {
constexpr size_t kHotRows = 16384;
constexpr size_t kHotRowsOfFormer = 512;
constexpr size_t kMaxRemembered = 64;
constexpr int kRankShift = 48;
constexpr ListCookie kInodeMask = (ListCookie{1} << kRankShift) - 1;

bool has_one_name(const Entry& entry) { return entry.node.is_directory() || entry.nlink <= 1; }

Row share(Entry&& entry) { return std::make_shared<const Entry>(std::move(entry)); }

// The slices of `all`, from position 0 on, that touch [offset, offset + length).
std::vector<Catalog::PlacedSlice> touching(const std::vector<Slice>& all, uint64_t offset, uint64_t length) {
  std::vector<Catalog::PlacedSlice> out;
  uint64_t start = 0;
  for (const Slice& slice : all) {
    if (start >= offset && start - offset >= length) break;
    if (start + slice.length_bytes > offset) out.push_back({start, slice});
    start += slice.length_bytes;
  }
  return out;
}
}  // namespace

// What the catalog reads its groups through. "Nobody has this object" must not look like "no such name".
class MountedSnapshot::CatalogObjects : public ObjectReader {
 public:
  explicit CatalogObjects(Fetcher& fetcher) : fetcher_(fetcher) {}

  Result<SharedBytes> read(const ObjectId& id) override {
    WithoutWaiting* const hurry = WithoutWaiting::of_this_thread();
    auto bytes = hurry != nullptr ? hurry->read(id, fetcher_) : fetcher_.read(id);
    if (bytes || bytes.error().code != Code::kNotFound) return bytes;
    return Error{Code::kUnavailable, "a part of the catalog is missing: " + bytes.error().message};
  }
  void expect(const ObjectId& id) override {
    if (!held_.load(std::memory_order_relaxed)) fetcher_.expect(id);
  }
  void hold(bool held) { held_.store(held, std::memory_order_relaxed); }

 private:
  std::atomic<bool> held_{false};
  Fetcher& fetcher_;
};

Result<std::unique_ptr<MountedSnapshot>> MountedSnapshot::open(const CatalogId& catalog, Fetcher& fetcher, Names names,
                                                               Role role, std::shared_ptr<Observations> observations) {
  std::unique_ptr<MountedSnapshot> snapshot(
      new MountedSnapshot(fetcher, std::move(names), role, std::move(observations)));
  snapshot->catalog_ = TRY(Catalog::open(catalog, *snapshot->catalog_objects_));
  snapshot->hot_rows_.keep(share(TRY(snapshot->catalog_->root())));
  snapshot->entry_count_ = TRY(snapshot->catalog_->entry_count());
  snapshot->total_bytes_ = TRY(snapshot->catalog_->total_bytes());
  if (role == Role::kCurrent) snapshot->read_ahead_ = std::make_unique<ReadAhead>(*snapshot->catalog_, fetcher);
  return snapshot;
}

MountedSnapshot::MountedSnapshot(Fetcher& fetcher, Names names, Role role, std::shared_ptr<Observations> observations)
    : fetcher_(fetcher),
      names_(std::move(names)),
      catalog_objects_(std::make_unique<CatalogObjects>(fetcher)),
      hot_rows_(role == Role::kCurrent ? kHotRows : kHotRowsOfFormer),
      observations_(std::move(observations)),
      failures_(std::make_shared<FailureLog>(names_.repository, names_.source,
                                             [this](InodeNumber inode) { return path_for_log(inode); })) {}

MountedSnapshot::~MountedSnapshot() { failures_->stop(); }

void MountedSnapshot::hold_read_ahead(bool held) {
  catalog_objects_->hold(held);
  if (read_ahead_) read_ahead_->hold(held);
}

Result<Row> MountedSnapshot::lookup(InodeNumber directory, ByteView name) {
  count(observations_->counters.lookups);
  touches().directory(directory);
  auto found = catalog_->lookup(directory, name);
  if (!found) return told(found.error(), "lookup", directory);
  Row row = share(std::move(*found));
  hot_rows_.keep(row);
  return row;
}

Result<Row> MountedSnapshot::row_unlogged(InodeNumber inode) {
  if (Row hot = hot_rows_.find(inode)) return hot;
  Row row = share(TRY(catalog_->by_inode(inode)));
  hot_rows_.keep(row);
  return row;
}

Result<Row> MountedSnapshot::row(InodeNumber inode) { return told(row_unlogged(inode), "getattr", inode); }

Result<Row> MountedSnapshot::parent_of(InodeNumber directory) {
  const Row child = TRY(row(directory));
  return directory == kRootInode ? child : row(child->parent);
}

Result<Bytes> MountedSnapshot::path_of(const Row& row) {
  if (row->inode == kRootInode) return Bytes();
  const Bytes directory = TRY(catalog_->path_of(row->parent));
  return directory.empty() ? row->name : directory + "/" + row->name;
}

Result<std::vector<Listed>> MountedSnapshot::list(InodeNumber directory, ListCookie after, size_t at_most) {
  if (after < kFirstFreeInode) return list_behind(directory, {}, at_most);
  const bool is_end = ends_[directory % ends_.size()].load(std::memory_order_relaxed) == after;
  const auto name = is_end ? Bytes() : name_of_cookie(directory, after);
  if (name && !is_end) return list_behind(directory, *name, at_most);
  count(observations_->counters.listings);
  if (!name) return told(name.error(), "list", directory);
  return std::vector<Listed>();
}

Result<std::vector<Listed>> MountedSnapshot::list_behind(InodeNumber directory, ByteView after, size_t at_most) {
  count(observations_->counters.listings);
  touches().directory(directory);
  return told(list_unlogged(directory, after, at_most), "list", directory);
}

Result<std::vector<Listed>> MountedSnapshot::list_unlogged(InodeNumber directory, ByteView after, size_t at_most) {
  std::vector<Listed> out;
  out.reserve(at_most);
  Status complete = catalog_->list(directory, after, [&](Entry&& entry) {
    out.push_back({share(std::move(entry)), 0});
    return out.size() < at_most;
  });
  for (size_t i = 0; i < out.size(); ++i) {
    auto cookie = cookie_of(directory, *out[i].row);
    if (!cookie) {
      complete = cookie.error();
      out.resize(i);
      break;
    }
    out[i].cookie = *cookie;
    hot_rows_.keep(out[i].row);
  }
  if (!complete && (out.empty() || !WithoutWaiting::is_reason_for(complete.error()))) return complete.error();
  const bool is_end = complete && !out.empty() && out.size() < at_most;
  if (is_end && has_one_name(*out.back().row))
    ends_[directory % ends_.size()].store(out.back().cookie, std::memory_order_relaxed);
  return out;
}

Result<ListCookie> MountedSnapshot::cookie_of(InodeNumber directory, const Entry& entry) {
  if (has_one_name(entry)) return entry.inode;
  const NameList names = TRY(names_within(directory, entry.inode));
  const auto place = std::lower_bound(names->begin(), names->end(), entry.name);
  return entry.inode | static_cast<ListCookie>(place - names->begin()) << kRankShift;
}

Result<Bytes> MountedSnapshot::name_of_cookie(InodeNumber directory, ListCookie cookie) {
  const InodeNumber inode = cookie & kInodeMask;
  if (const Row hot = hot_rows_.find(inode); hot && has_one_name(*hot) && hot->parent == directory) return hot->name;
  const NameList names = TRY(names_within(directory, inode));
  const size_t rank = cookie >> kRankShift;
  if (rank >= names->size())
    return Error{Code::kInvalid, str("no position ", cookie, " in the directory with inode ", directory)};
  return (*names)[rank];
}

Result<MountedSnapshot::NameList> MountedSnapshot::names_within(InodeNumber directory, InodeNumber inode) {
  {
    const MutexLock lock(mutex_);
    if (const auto known = link_names_.find({directory, inode}); known != link_names_.end()) return known->second;
  }
  auto names = std::make_shared<std::vector<Bytes>>();
  for (Entry& entry : TRY(catalog_->names_of(inode))) {
    if (entry.parent == directory) names->push_back(std::move(entry.name));
  }
  const MutexLock lock(mutex_);
  if (link_names_.size() >= kMaxRemembered) link_names_.clear();
  return link_names_[{directory, inode}] = std::move(names);
}

Result<std::vector<Catalog::PlacedSlice>> MountedSnapshot::slices(const Row& file, uint64_t offset, uint64_t length) {
  if (!file->slices_elsewhere) return touching(file->slices, offset, length);
  return told(catalog_->slices(*file, offset, length), "read", file->inode);
}

Result<uint64_t> MountedSnapshot::data_bytes(const Row& file) {
  if (file->slices_elsewhere) {
    const MutexLock lock(mutex_);
    if (const auto known = data_bytes_.find(file->inode); known != data_bytes_.end()) return known->second;
  }
  uint64_t sum = 0;
  for (const auto& placed : TRY(slices(file, 0, file->node.size_bytes))) {
    if (!placed.slice.is_hole()) sum += placed.slice.length_bytes;
  }
  if (file->slices_elsewhere) {
    const MutexLock lock(mutex_);
    if (data_bytes_.size() >= kMaxRemembered) data_bytes_.clear();
    data_bytes_[file->inode] = sum;
  }
  return sum;
}

Result<std::optional<uint64_t>> MountedSnapshot::seek(const Row& file, uint64_t offset, Sought sought) {
  const uint64_t size = file->node.size_bytes;
  if (offset >= size) return std::optional<uint64_t>();
  for (const auto& placed : TRY(slices(file, offset, size - offset))) {
    if (placed.slice.is_hole() == (sought == Sought::kHole)) return std::optional(std::max(offset, placed.start_bytes));
  }
  return sought == Sought::kHole ? std::optional(size) : std::nullopt;
}

Result<std::vector<ObjectId>> MountedSnapshot::objects(const Row& file) {
  std::vector<ObjectId> out;
  std::unordered_set<ObjectId> seen;
  for (const auto& placed : TRY(slices(file, 0, file->node.size_bytes))) {
    if (!placed.slice.is_hole() && seen.insert(placed.slice.object).second) out.push_back(placed.slice.object);
  }
  return out;
}

// A read on its way: its pieces, their objects as far as they are here, and who wants to know. Borrows the fetcher
// alone: the snapshot may go meanwhile.
class MountedSnapshot::PendingRead : public std::enable_shared_from_this<PendingRead> {
 public:
  PendingRead(const MountedSnapshot& snapshot, InodeNumber inode, size_t size_bytes, ReadDone done)
      : fetcher_(snapshot.fetcher_),
        observations_(snapshot.observations_),
        failures_(snapshot.failures_),
        inode_(inode),
        size_bytes_(size_bytes),
        done_(std::move(done)) {}

  // The pieces of [offset, offset + size) of a file with these slices, in order. kCorrupt when they do not cover it.
  Status plan(const std::vector<Catalog::PlacedSlice>& slices, uint64_t offset) {
    const uint64_t end = offset + size_bytes_;
    uint64_t at = offset;
    for (const auto& [start, slice] : slices) {
      const uint64_t to = std::min(start + slice.length_bytes, end);
      if (start > at || to <= at) break;
      pieces_.push_back({slice.object, slice.offset_bytes + (at - start), static_cast<size_t>(to - at), {}});
      at = to;
    }
    if (at != end) return Error{Code::kCorrupt, str("no slice for the byte ", at, " of inode ", inode_)};
    return Done{};
  }

  // Asks for all objects at once. Whoever brings the last one answers: this very call when all are at hand.
  void start() {
    missing_ = pieces_.size() + 1;
    for (size_t i = 0; i < pieces_.size(); ++i) {
      if (pieces_[i].object.is_none()) {
        arrived();
        continue;
      }
      fetcher_.fetch(pieces_[i].object, Priority::kDemand, [self = shared_from_this(), i](Result<ObjectHandle> object) {
        if (object) {
          self->pieces_[i].handle.emplace(*std::move(object));
        } else {
          self->fail(self->pieces_[i].object, object.error());
        }
        self->arrived();
      });
    }
    if (missing_.load(std::memory_order_relaxed) > 1)
      observations_->counters.parked_reads.fetch_add(1, std::memory_order_relaxed);
    arrived();
  }

  void give_up(const Error& error) { done_(error); }

 private:
  struct Piece {
    ObjectId object;  // none: zeros
    uint64_t offset_bytes;
    size_t length_bytes;
    std::optional<ObjectHandle> handle;
  };

  void arrived() {
    if (missing_.fetch_sub(1, std::memory_order_acq_rel) == 1) finish();
  }

  void fail(const ObjectId& object, Error error) {
    if (error.code == Code::kNotFound) error.code = Code::kUnavailable;  // the object, not the file
    const MutexLock lock(mutex_);
    if (!failure_) failure_ = Failure{"read", inode_, object, std::move(error)};
  }

  void finish() {
    thread_local std::vector<char> buffer;
    if (buffer.size() < size_bytes_) buffer.resize(size_bytes_);
    if (!failed()) copy_out(buffer.data());
    if (failed() && failed_on_our_disk_ && !tried_again_) return start_again();

    const MutexLock lock(mutex_);
    if (failure_) {
      observations_->counters.failures.fetch_add(1, std::memory_order_relaxed);
      failures_->report(*failure_);
      return done_(failure_->error);
    }
    observations_->counters.read_bytes.fetch_add(size_bytes_, std::memory_order_relaxed);
    done_(ByteView(buffer.data(), size_bytes_));
  }

  void copy_out(char* into) {
    for (const Piece& piece : pieces_) {
      if (piece.object.is_none()) {
        std::memset(into, 0, piece.length_bytes);
      } else if (const auto copied = piece.handle->read_at(piece.offset_bytes, into, piece.length_bytes); !copied) {
        failed_on_our_disk_ = true;
        fetcher_.discard(piece.object);
        return fail(piece.object, copied.error());
      } else if (*copied != piece.length_bytes) {
        return fail(piece.object,
                    {Code::kCorrupt, str("object ", piece.object, " ends before the slice that names it")});
      }
      into += piece.length_bytes;
    }
  }

  // The cache lost bytes that it had: they are fetched once more.
  void start_again() {
    tried_again_ = true;
    {
      const MutexLock lock(mutex_);
      failure_.reset();
    }
    for (Piece& piece : pieces_) piece.handle.reset();
    start();
  }

  bool failed() {
    const MutexLock lock(mutex_);
    return failure_.has_value();
  }

  Fetcher& fetcher_;
  const std::shared_ptr<Observations> observations_;  // these two may outlive the snapshot with us
  const std::shared_ptr<FailureLog> failures_;
  const InodeNumber inode_;
  const size_t size_bytes_;
  const ReadDone done_;
  std::vector<Piece> pieces_;
  std::atomic<size_t> missing_{0};
  bool failed_on_our_disk_ = false;  // these two: by the thread that finishes
  bool tried_again_ = false;
  Mutex mutex_;
  std::optional<Failure> failure_ GUARDED_BY(mutex_);  // the first
};

Result<MountedSnapshot::ReadPlan> MountedSnapshot::plan_read(const Row& file, uint64_t offset, size_t size) {
  count(observations_->counters.reads);
  if (!file->node.is_file()) return Error{Code::kInvalid, "not a regular file"};
  const uint64_t file_size = file->node.size_bytes;
  if (offset >= file_size || size == 0) return ReadPlan{file, offset, 0, {}};
  size = static_cast<size_t>(std::min<uint64_t>(size, file_size - offset));
  auto placed = TRY(slices(file, offset, size));
  return ReadPlan{file, offset, size, std::move(placed)};
}

void MountedSnapshot::read(const ReadPlan& plan, ReadDone done) {
  const auto& [file, offset, size, placed] = plan;
  if (size == 0) return done(ByteView());
  touches().file(file->inode, offset, size);
  if (read_ahead_ && !placed.empty()) read_ahead_->touched(file, offset, size, placed);
  const auto pending = std::make_shared<PendingRead>(*this, file->inode, size, std::move(done));
  if (const Status planned = pending->plan(placed, offset); !planned)
    return pending->give_up(told(planned.error(), "read", file->inode));
  pending->start();
}

void MountedSnapshot::count(std::atomic<uint64_t>& counter) {
  if (!WithoutWaiting::is_another_turn()) counter.fetch_add(1, std::memory_order_relaxed);
}

std::string MountedSnapshot::path_at_hand(InodeNumber inode) {
  constexpr int kMostNames = 100;
  Bytes path;
  for (int names = 0; inode != kRootInode && names < kMostNames; ++names) {
    const Row row = hot_rows_.find(inode);
    if (!row) return path.empty() ? "" : printable("..." + path);
    path = "/" + row->name + path;
    inode = row->parent;
  }
  return printable(path.empty() ? "/" : path);
}

std::string MountedSnapshot::path_for_log(InodeNumber inode) {
  const auto row = row_unlogged(inode);
  if (!row) return str("inode ", inode);
  const auto path = path_of(*row);
  return path ? printable("/" + *path) : str("inode ", inode, " ", printable((*row)->name));
}

Error MountedSnapshot::told(Error error, const char* operation, InodeNumber inode) {
  if (error.code == Code::kNotFound || error.code == Code::kInvalid) return error;
  if (WithoutWaiting::is_reason_for(error)) {
    count(observations_->counters.parked_lookups);
    return error;
  }
  observations_->counters.failures.fetch_add(1, std::memory_order_relaxed);
  failures_->report({operation, inode, {}, error});
  return error;
}

}  // namespace granary
