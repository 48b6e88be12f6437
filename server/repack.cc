// What is chosen:
//   1. packs of which the branch uses less than half, the emptiest first, for half of the budget: bytes that are
//   fetched
//      and kept for nothing;
//   2. directories that the publish touched, the most scattered first, when their small files lie in more than twice as
//      many packs as they would fill, and four: a look at one directory should not cost dozens of requests.
// Looking only at liveness would not do: measured over 50 releases, packs per directory kept growing
// (docs/architecture.md).
#include "server/repack.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <unordered_set>

#include "fs/base/log.h"
#include "server/packer.h"
#include "server/touched_ranges.h"

namespace granary {

namespace {
// Finding the files of sparse packs takes a scan of the catalog: not for fewer dead bytes than this for each entry.
constexpr uint64_t kWorthAScanBytesPerEntry = 4;
constexpr uint64_t kLeastBudgetBytes = 4 << 20;

struct Candidate {
  Bytes path;
  InodeNumber inode;
  Digest digest;
  uint64_t size_bytes;
  Slice slice;
};

// Nothing unless it is a file in a pack.
std::optional<Candidate> candidate_of(const Entry& entry, Bytes path) {
  if (!entry.node.is_file()) return std::nullopt;
  if (LivePacks::pack_of(entry.node.size_bytes, entry.slices).is_none()) return std::nullopt;
  return Candidate{std::move(path), entry.inode, entry.node.digest, entry.node.size_bytes, entry.slices[0]};
}

// What changes and what does not, by path.
class Touched {
 public:
  explicit Touched(const ChangeSet& changes) {
    for (const Change& change : changes.changes) {
      const bool replaces = change.kind == Change::Kind::kRemove || !change.node.is_directory();
      if (replaces) replaced_.insert(change.path);
    }
  }
  // The path, or something above it, is gone or new.
  bool contains(ByteView path) const {
    for (size_t end = path.size();; end = path.rfind('/', end - 1)) {
      if (end == ByteView::npos) return replaced_.contains(Bytes());
      if (replaced_.contains(Bytes(path.substr(0, end)))) return true;
      if (end == 0) return false;
    }
  }

 private:
  std::unordered_set<Bytes> replaced_;
};

// Packs read lately: neighbours in the tree often lie in the same one.
class PackCache {
 public:
  explicit PackCache(ObjectReader& objects) : objects_(objects) {}

  Result<SharedBytes> read(const ObjectId& id) {
    if (const auto found = packs_.find(id); found != packs_.end()) return found->second;
    SharedBytes bytes = TRY(objects_.read(id));
    if (order_.size() == kMostPacks) {
      packs_.erase(order_.front());
      order_.pop_front();
    }
    order_.push_back(id);
    packs_.emplace(id, bytes);
    return bytes;
  }

 private:
  static constexpr size_t kMostPacks = 64;
  ObjectReader& objects_;
  std::unordered_map<ObjectId, SharedBytes> packs_;
  std::deque<ObjectId> order_;
};

Bytes parent_of(ByteView path) {
  const size_t slash = path.rfind('/');
  return slash == ByteView::npos ? Bytes() : Bytes(path.substr(0, slash));
}

Bytes below(ByteView path, ByteView name) { return path.empty() ? Bytes(name) : str(path, "/", name); }

class Repacking {
 public:
  Repacking(Catalog& base, const ChangeSet& changes, const LivePacks& packs, uint64_t budget_bytes)
      : base_(base), changes_(changes), packs_(packs), touched_(changes), left_bytes_(budget_bytes) {}

  // In path order.
  Result<std::vector<Candidate>> choose() {
    const uint64_t half_bytes = left_bytes_ / 2;
    left_bytes_ -= half_bytes;
    TRY(choose_sparse_packs());
    left_bytes_ += half_bytes;
    TRY(choose_scattered_directories());
    std::sort(chosen_.begin(), chosen_.end(),
              [](const Candidate& a, const Candidate& b) { return path_less(a.path, b.path); });
    return std::move(chosen_);
  }

 private:
  // False when the budget is spent.
  bool take(Candidate&& candidate) {
    if (candidate.size_bytes > left_bytes_) return false;
    if (!inodes_.insert(candidate.inode).second) return true;
    left_bytes_ -= candidate.size_bytes;
    chosen_.push_back(std::move(candidate));
    return true;
  }

  Status choose_scattered_directories() {
    // By directory, the small files that the publish brings: they lie in new packs already.
    std::unordered_map<Bytes, std::vector<const Change*>> brought;
    std::vector<Bytes> directories;
    for (const Change& change : changes_.changes) {
      if (change.path.empty()) continue;
      const auto [at, fresh] = brought.try_emplace(parent_of(change.path));
      if (fresh) directories.push_back(at->first);
      if (change.kind == Change::Kind::kPut && change.node.is_file()) at->second.push_back(&change);
    }
    std::vector<Directory> scattered;
    for (const Bytes& path : directories) {
      Directory directory = TRY(look_at(path, brought[path]));
      if (directory.excess > 0) scattered.push_back(std::move(directory));
    }
    std::sort(scattered.begin(), scattered.end(),
              [](const Directory& a, const Directory& b) { return a.excess > b.excess; });
    for (Directory& directory : scattered) {
      for (Candidate& file : directory.files) {
        if (!take(std::move(file))) return Done{};
      }
    }
    return Done{};
  }

  struct Directory {
    double excess = 0;  // packs for each that there should be, when there are too many
    std::vector<Candidate> files;
  };

  Result<Directory> look_at(const Bytes& path, const std::vector<const Change*>& brought) {
    Directory directory;
    if (touched_.contains(path)) return directory;
    const auto entry = base_.resolve(path);
    if (!entry && entry.error().code == Code::kNotFound) return directory;
    if (!entry) return entry.error();
    uint64_t bytes = 0;
    std::unordered_set<ObjectId> packs;
    for (const Change* change : brought) {
      const ObjectId pack = LivePacks::pack_of(change->node.size_bytes, change->slices);
      if (pack.is_none()) continue;
      bytes += change->node.size_bytes;
      packs.insert(pack);
    }
    TRY(base_.list(entry->inode, {}, [&](Entry&& child) {
      auto file = candidate_of(child, below(path, child.name));
      if (!file || touched_.contains(file->path)) return true;
      bytes += file->size_bytes;
      packs.insert(file->slice.object);
      directory.files.push_back(std::move(*file));
      return true;
    }));
    const uint64_t ideal = (bytes + kPackBytes - 1) / kPackBytes;
    if (packs.size() > 2 * ideal + 4) directory.excess = static_cast<double>(packs.size()) / static_cast<double>(ideal);
    return directory;
  }

  Status choose_sparse_packs() {
    std::vector<std::pair<double, ObjectId>> sparse;  // the part that is used, which
    uint64_t dead_bytes = 0;
    for (const auto& [id, pack] : packs_.packs()) {
      if (!pack.is_sparse() || pack.live_bytes == 0) continue;
      sparse.emplace_back(static_cast<double>(pack.live_bytes) / static_cast<double>(pack.size_bytes), id);
      dead_bytes += pack.size_bytes - pack.live_bytes;
    }
    if (dead_bytes < kPackBytes || dead_bytes < kWorthAScanBytesPerEntry * TRY(base_.entry_count())) return Done{};
    std::sort(sparse.begin(), sparse.end());
    std::unordered_set<ObjectId> wanted;
    uint64_t wanted_bytes = 0;
    for (const auto& [part, id] : sparse) {
      wanted_bytes += packs_.packs().at(id).live_bytes;
      if (wanted_bytes > left_bytes_) break;
      wanted.insert(id);
    }
    if (wanted.empty()) return Done{};

    std::vector<std::pair<InodeNumber, Candidate>> found;  // with the directory
    TRY(base_.scan([&](Entry&& entry) {
      auto file = candidate_of(entry, entry.name);
      if (file && wanted.contains(file->slice.object)) found.emplace_back(entry.parent, std::move(*file));
      return true;
    }));
    std::unordered_map<InodeNumber, Bytes> paths;
    for (auto& [directory, file] : found) {
      if (!paths.contains(directory)) paths.emplace(directory, TRY(base_.path_of(directory)));
      file.path = below(paths.at(directory), file.path);
      if (!touched_.contains(file.path) && !take(std::move(file))) break;
    }
    return Done{};
  }

  Catalog& base_;
  const ChangeSet& changes_;
  const LivePacks& packs_;
  const Touched touched_;
  uint64_t left_bytes_;
  std::vector<Candidate> chosen_;
  std::unordered_set<InodeNumber> inodes_;
};

Result<Bytes> read_content(const Candidate& file, PackCache& packs) {
  const SharedBytes pack = TRY(packs.read(file.slice.object));
  if (file.slice.offset_bytes + file.slice.length_bytes > pack->size())
    return Error{Code::kCorrupt, str("object ", file.slice.object.brief(), " is shorter than its slice")};
  Bytes bytes = pack->substr(file.slice.offset_bytes, file.slice.length_bytes);
  if (Digest::of(bytes) != file.digest)
    return Error{Code::kCorrupt, str("object ", file.slice.object.brief(), " does not hold the file's content")};
  return bytes;
}
}  // namespace

uint64_t repack_budget_bytes(uint64_t new_plain_bytes) { return std::max(kLeastBudgetBytes, 2 * new_plain_bytes); }

namespace {
// Writes the files, in this order, into new packs.
Result<std::vector<MovedContent>> move_all(const std::vector<Candidate>& chosen, LivePacks& packs,
                                           ObjectReader& objects, ObjectWriter& writer, CatalogEditor& editor) {
  ContentTable contents;
  Packer packer(writer, nullptr, contents);
  PackCache cache(objects);
  std::vector<std::pair<const Candidate*, ContentTable::Number>> packed;
  for (const Candidate& file : chosen) {
    const auto bytes = read_content(file, cache);
    if (!bytes) {
      log::warn("publish repack-skipped", {{"path", printable(file.path)}, {"cause", bytes.error().message}});
      continue;
    }
    packed.emplace_back(&file, TRY(packer.add(file.digest, *bytes)));
  }
  TRY(packer.finish());

  std::vector<MovedContent> moved;
  for (const auto& [file, number] : packed) {
    const auto placed = contents.slices(number);
    moved.push_back({file->digest, file->size_bytes, {placed.begin(), placed.end()}});
    TRY(editor.replace_slices(file->inode, moved.back().slices));
    packs.move({file->slice}, moved.back().slices);
  }
  return moved;
}

// What a profile touches is worth a good deal of writing, once.
constexpr uint64_t kMostTouchedBytes = uint64_t{256} << 20;

// Visits the entries of the files that a trace touched and the publish leaves alone, in order of first touch, until
// `visit` answers false.
using VisitTouched = std::function<Result<bool>(const Touch&, const Entry&)>;
Status each_touched(Catalog& base, const ChangeSet& changes, const Trace& trace, const VisitTouched& visit) {
  const Touched changed(changes);
  for (const Touch& touch : trace.touches) {
    if (touch.kind != Touch::Kind::kFile || changed.contains(touch.path)) continue;
    const auto entry = base.resolve(touch.path);
    if (!entry && entry.error().code == Code::kNotFound) continue;
    if (!entry) return entry.error();
    if (!TRY(visit(touch, *entry))) break;
  }
  return Done{};
}

Result<std::vector<Candidate>> choose_touched(Catalog& base, const ChangeSet& changes, const Trace& trace) {
  std::vector<Candidate> chosen;
  std::unordered_set<InodeNumber> inodes;
  std::unordered_set<ObjectId> packs;
  uint64_t bytes = 0;
  TRY(each_touched(base, changes, trace, [&](const Touch& touch, const Entry& entry) -> Result<bool> {
    auto file = candidate_of(entry, touch.path);
    if (!file || !inodes.insert(file->inode).second) return true;
    if (bytes + file->size_bytes > kMostTouchedBytes) return false;
    bytes += file->size_bytes;
    packs.insert(file->slice.object);
    chosen.push_back(std::move(*file));
    return true;
  }));
  const uint64_t ideal = (bytes + kPackBytes - 1) / kPackBytes;
  if (packs.size() <= ideal + ideal / 4 + 1) chosen.clear();
  return chosen;
}
}  // namespace

Result<std::vector<MovedContent>> repack(Catalog& base, const ChangeSet& changes, LivePacks& packs,
                                         ObjectReader& objects, ObjectWriter& writer, CatalogEditor& editor,
                                         uint64_t budget_bytes) {
  const std::vector<Candidate> chosen = TRY(Repacking(base, changes, packs, budget_bytes).choose());
  return move_all(chosen, packs, objects, writer, editor);
}

PackOrder order_of(const Trace& trace) {
  PackOrder order;
  for (const Touch& touch : trace.touches) {
    if (touch.kind == Touch::Kind::kFile) order.try_emplace(touch.content, order.size());
  }
  return order;
}

namespace {
// The large files that the trace touched and the publish leaves alone.
Result<std::vector<TouchedFile>> choose_touched_large(Catalog& base, const ChangeSet& changes, const Trace& trace) {
  std::vector<TouchedFile> chosen;
  std::unordered_set<InodeNumber> inodes;
  uint64_t bytes = 0;
  TRY(each_touched(base, changes, trace, [&](const Touch& touch, const Entry& entry) -> Result<bool> {
    const Node& node = entry.node;
    if (!node.is_file() || node.digest != touch.content || node.size_bytes < kLargeFileBytes) return true;
    if (!inodes.insert(entry.inode).second) return true;
    for (const ByteRange& range : touch.ranges) bytes += range.length_bytes;
    if (bytes > kMostTouchedBytes) return false;
    TouchedFile file{touch.path, entry.inode, node.digest, node.size_bytes, {}, touch.ranges};
    for (const auto& placed : TRY(base.slices(entry, 0, node.size_bytes))) file.slices.push_back(placed.slice);
    chosen.push_back(std::move(file));
    return true;
  }));
  return chosen;
}

Status move_large(const std::vector<TouchedFile>& files, ObjectReader& objects, ObjectWriter& writer,
                  CatalogEditor& editor, std::vector<MovedContent>& moved) {
  const auto slices = move_touched_ranges(files, objects, writer);
  if (!slices) {
    log::warn("publish repack-skipped", {{"cause", slices.error().message}});
    return Done{};
  }
  for (size_t i = 0; i < files.size(); ++i) {
    if ((*slices)[i] == files[i].slices) continue;
    moved.push_back({files[i].digest, files[i].size_bytes, (*slices)[i]});
    TRY(editor.replace_slices(files[i].inode, moved.back().slices));
  }
  return Done{};
}
}  // namespace

Result<std::vector<MovedContent>> repack_touched(Catalog& base, const ChangeSet& changes, const Trace& trace,
                                                 LivePacks& packs, ObjectReader& objects, ObjectWriter& writer,
                                                 CatalogEditor& editor) {
  DenseWriter dense(writer);
  auto moved = TRY(move_all(TRY(choose_touched(base, changes, trace)), packs, objects, dense, editor));
  TRY(move_large(TRY(choose_touched_large(base, changes, trace)), objects, dense, editor, moved));
  return moved;
}

}  // namespace granary
