// In five passes: the log (log_check.h); the snapshots that the names keep (history.h); the catalogs, each once, which
// say what objects there must be; the objects, each once; and, with --deep, the contents of files, each once. Objects
// are remembered as digest and a few bytes. Only when something is broken are the catalogs read again, to tell which
// paths it touches.
#include "server/checker.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <list>

#include "fs/base/file.h"
#include "fs/format/page_source.h"
#include "fs/format/profile_trace.h"
#include "fs/store/dir_store.h"
#include "server/digest_map.h"
#include "server/log_check.h"
#include "server/mirror_note.h"
#include "server/parallel.h"

namespace granary {

namespace {
namespace filesystem = std::filesystem;

constexpr size_t kMaxFaultsOfOneCatalog = 100;
constexpr size_t kKeptObjectBytes = size_t{64} << 20;

// Verified objects from the store, the last ones kept, because neighbouring files share packs.
class KeptReader : public ObjectReader {
 public:
  explicit KeptReader(ObjectStore& store) : store_(store) {}

  Result<SharedBytes> read(const ObjectId& id) override {
    {
      const MutexLock lock(mutex_);
      for (auto at = kept_.begin(); at != kept_.end(); ++at) {
        if (at->first != id) continue;
        kept_.splice(kept_.begin(), kept_, at);
        return kept_.front().second;
      }
    }
    const SharedBytes bytes = TRY(store_.read(id));
    const MutexLock lock(mutex_);
    kept_.emplace_front(id, bytes);
    size_ += bytes->size();
    while (size_ > kKeptObjectBytes && kept_.size() > 1) {
      size_ -= kept_.back().second->size();
      kept_.pop_back();
    }
    return bytes;
  }

 private:
  StoreReader store_;
  Mutex mutex_;
  std::list<std::pair<ObjectId, SharedBytes>> kept_ GUARDED_BY(mutex_);
  size_t size_ GUARDED_BY(mutex_) = 0;
};

// What is known of an object: how far into it slices reach, and whether it is sound.
struct Need {
  uint32_t extent_bytes = 0;
  bool is_broken = false;
};

// All objects that must be there. Safe from many threads.
class Needs {
 public:
  void add(const ObjectId& id, uint64_t extent_bytes) {
    Shard& shard = shard_of(id);
    const MutexLock lock(shard.mutex);
    Need& need = *shard.map.insert(id).first;
    const auto extent = static_cast<uint32_t>(std::min<uint64_t>(extent_bytes, kMaxObjectBytes + 1));
    need.extent_bytes = std::max(need.extent_bytes, extent);
  }
  bool contains(const ObjectId& id) {
    Shard& shard = shard_of(id);
    const MutexLock lock(shard.mutex);
    return shard.map.contains(id);
  }
  bool is_broken(const ObjectId& id) {
    Shard& shard = shard_of(id);
    const MutexLock lock(shard.mutex);
    const Need* need = shard.map.find(id);
    return need != nullptr && need->is_broken;
  }

  static constexpr size_t kShards = 256;
  // One shard after the other; nobody adds meanwhile.
  template <class Visit>
  void each_in(size_t number, const Visit& visit) {
    Shard& shard = shards_[number];
    const MutexLock lock(shard.mutex);
    shard.map.each(visit);
  }

 private:
  struct Shard {
    Mutex mutex;
    DigestMap<Need> map GUARDED_BY(mutex);
  };
  Shard& shard_of(const ObjectId& id) { return shards_[static_cast<uint8_t>(id.raw().back())]; }
  std::array<Shard, kShards> shards_;
};

bool has_object_name(const std::string& folder, const std::string& name) {
  return Digest::parse(folder + name).has_value();
}

class Checker {
 public:
  Checker(const CheckOptions& options, const std::function<void(const CheckProgress&)>& on_progress)
      : options_(options),
        on_progress_(on_progress),
        jobs_(cores_or(options.jobs)),
        store_(options.directory),
        objects_(store_) {}

  Result<CheckReport> run() {
    report_.deep = options_.deep;
    TRY(check_log());
    if (!log_.head) return std::move(report_);
    TRY(find_history());
    TRY(check_catalogs());
    check_profiles();
    TRY(check_objects());
    if (options_.deep) TRY(check_contents());
    if (options_.deep) TRY(check_constraints());
    TRY(locate());
    TRY(count_orphans());
    return std::move(report_);
  }

 private:
  void progress(const char* step, uint64_t done, uint64_t total) {
    if (!on_progress_) return;
    const MutexLock lock(mutex_);
    on_progress_({step, done, total});
  }
  void broken(const std::string& thing, const std::string& what, std::vector<Fault::Place> touched = {}) {
    const MutexLock lock(mutex_);
    const uint64_t total = touched.size();
    report_.faults.push_back({thing, what, std::move(touched), total});
  }

  // ---- the log

  Status check_log() {
    const std::string& top = options_.directory;
    if (!exists(top + "/head.json") && !exists(top + "/log"))
      return Error{Code::kNotARepository, printable(top) + " is not a Granary repository: it has no head.json"};
    std::optional<TrustFile> trust = options_.trust;
    if (!trust && exists(top + "/.granary/trust.json")) trust = TRY(TrustFile::load(top + "/.granary/trust.json"));
    note_ = TRY(MirrorNote::load(top));
    log_.run(trust);
    if (!log_.head) return Done{};
    report_.repository = log_.head->record().repository;
    report_.name = log_.head->record().name;
    report_.revision = log_.head->record().revision;
    report_.records = log_.records;
    for (const Digest& names : log_.survey.names) needs_.add(names, 0);
    if (note_ && note_->is_partial())
      report_.notes.push_back("this is a partial mirror: only its own branches and tags are checked");
    return Done{};
  }

  // ---- snapshots

  Status find_history() {
    auto all = kept_names(log_.head->record(), log_.names);
    if (!all) {
      broken("head.json", all.error().message);
      return Done{};
    }
    const std::vector<KeptName> names = note_ ? note_->choose(*std::move(all)) : *std::move(all);
    for (const KeptName& name : names) {
      check_head_statement(name);
      TRY(history_.add(name, log_.names, log_.survey,
                       [&](const SnapshotId& id, const std::string& reached_by, const Error& error) -> Status {
                         if (!reported_.insert(id).second) return Done{};
                         broken(str("snapshot ", id), said(error), {{id, {reached_by}, ""}});
                         return Done{};
                       }));
      const auto found = history_.found().find(name.statement.snapshot);
      if (found == history_.found().end()) continue;
      const Snapshot& snapshot = found->second.snapshot;
      if (snapshot.tree != name.statement.tree || snapshot.catalog != name.statement.catalog)
        broken(name.what, str("names snapshot ", found->first.brief(), ", but another tree or catalog"));
    }
    report_.snapshots = history_.found().size();
    for (const auto& [id, found] : history_.found()) {
      needs_.add(id, 0);
      if (found.snapshot.repository != report_.repository)
        broken(str("snapshot ", id), "belongs to repository " + found.snapshot.repository, {{id, found.names, ""}});
      catalogs_[found.snapshot.catalog].push_back(id);
    }
    return Done{};
  }

  // As clients see it: under the newest root.
  void check_head_statement(const KeptName& name) {
    const Statement& statement = name.statement;
    const bool is_branch = name.what == "branch " + statement.name;
    const bool is_tag = name.what == "tag " + statement.name;
    if (!is_branch && !is_tag) return;  // a base is verified with what rests on it
    const auto& from = is_branch ? log_.head->record().branches : log_.names.tags;
    const auto verified = verify_statement(from.at(statement.name), log_.head->root(), statement.kind, statement.name);
    if (!verified) broken(name.what, verified.error().message);
  }

  static std::string said(const Error& error) { return error.code == Code::kNotFound ? "is missing" : error.message; }

  // Without the object's name, which stands before it already.
  static std::string said_of(const ObjectId& id, const Error& error) {
    std::string text = said(error);
    const std::string name = str("object ", id);
    if (text.starts_with(name)) text = text.substr(name.size());
    return text.substr(text.find_first_not_of(": "));
  }

  std::vector<Fault::Place> places_of(const CatalogId& catalog, const std::string& path) {
    std::vector<Fault::Place> places;
    for (const SnapshotId& id : catalogs_.at(catalog)) places.push_back({id, history_.found().at(id).names, path});
    return places;
  }

  // ---- catalogs

  Status check_catalogs() {
    for (const auto& [id, snapshots] : catalogs_) catalog_ids_.push_back(id);
    report_.catalogs = catalog_ids_.size();
    std::atomic<uint64_t> done{0};
    return for_each_parallel(catalog_ids_.size(), jobs_, [&](size_t i) -> Status {
      progress("catalogs", done++, catalog_ids_.size());
      const CatalogId& id = catalog_ids_[i];
      if (const Status checked = check_catalog_of(id); !checked) {
        broken(str("catalog ", id), said(checked.error()), places_of(id, ""));
        const MutexLock lock(mutex_);
        unreadable_.insert(id);
      }
      return Done{};
    });
  }

  Status check_catalog_of(const CatalogId& id) {
    needs_.add(id, 0);
    const auto pages = TRY(CatalogPages::open(id, objects_));
    for (const ObjectId& own : TRY(pages->own_objects())) needs_.add(own, 0);
    const auto catalog = TRY(Catalog::open(id, objects_));
    size_t faults = 0;
    const Digest tree = TRY(check_catalog(*catalog, objects_, [&](const Bytes& path, const std::string& what) {
      if (++faults <= kMaxFaultsOfOneCatalog) broken(str("catalog ", id), what, places_of(id, "/" + printable(path)));
    }));
    TRY(each_slice(*catalog, [&](const Entry&, const Slice& slice) {
      needs_.add(slice.object, slice.offset_bytes + slice.length_bytes);
    }));
    const uint64_t entries = TRY(catalog->entry_count());
    const uint64_t bytes = TRY(catalog->total_bytes());
    for (const SnapshotId& snapshot_id : catalogs_.at(id)) {
      const History::Found& found = history_.found().at(snapshot_id);
      const auto complain = [&](const std::string& what) {
        broken(str("snapshot ", snapshot_id), what, {{snapshot_id, found.names, ""}});
      };
      if (found.snapshot.tree != tree && faults == 0)
        complain(str("claims tree digest ", found.snapshot.tree, "; that of its catalog is ", tree));
      if (found.snapshot.entries != entries || found.snapshot.bytes != bytes)
        complain("does not count its entries and bytes as its catalog does");
    }
    const MutexLock lock(mutex_);
    report_.entries += entries;
    return Done{};
  }

  // ---- profiles

  // Those of snapshots that are kept. A note that nobody believes any more, because its key was revoked, is no fault.
  void check_profiles() {
    for (const auto& [id, found] : history_.found()) {
      const Profiles profiles = profiles_of(log_.head->root(), log_.names, id);
      for (const Error& refused : profiles.refused) {
        if (refused.code == Code::kUntrusted) report_.notes.push_back(refused.message + ": nobody believes it");
        if (refused.code != Code::kUntrusted) broken("names", refused.message, {{id, found.names, ""}});
      }
      for (const auto& [name, profile] : profiles.by_name) check_profile(profile.note, found.names);
    }
  }

  void check_profile(const ProfileNote& note, const std::vector<std::string>& names) {
    const std::vector<Fault::Place> touched{{note.snapshot, names, ""}};
    const std::string what = str("profile ", note.name, " of snapshot ", note.snapshot.brief());
    const auto plan_bytes = objects_.read(note.plan);
    const auto plan = plan_bytes ? decode_plan(**plan_bytes) : plan_bytes.error();
    if (!plan) broken(what, "its plan " + said(plan.error()), touched);
    if (plan && (plan->objects.size() != note.objects || plan->total_bytes() != note.bytes))
      broken(what, "its plan does not have the objects and bytes that the note counts", touched);
    if (plan && unreadable_.empty()) {
      const auto stranger = std::find_if(plan->objects.begin(), plan->objects.end(),
                                         [&](const PlannedObject& object) { return !needs_.contains(object.id); });
      if (stranger != plan->objects.end())
        broken(what, str("its plan has object ", stranger->id, " fetched, which no snapshot needs"), touched);
    }
    const auto trace_bytes = objects_.read(note.trace);
    const auto trace = trace_bytes ? Trace::parse(**trace_bytes) : trace_bytes.error();
    if (!trace) broken(what, "its trace " + said(trace.error()), touched);
    if (trace && (trace->repository != note.repository || trace->snapshot != note.base))
      broken(what, "its trace is of another repository or snapshot than the note says", touched);
    for (const ObjectId& id : {note.plan, note.trace}) profile_objects_.insert(id);
  }

  // ---- objects

  Status check_objects() {
    std::vector<std::pair<ObjectId, uint32_t>> all;
    std::atomic<uint64_t> done{0};
    std::atomic<uint64_t> bytes{0};
    for (size_t shard = 0; shard < Needs::kShards; ++shard) {
      std::vector<std::pair<ObjectId, Need*>> batch;
      needs_.each_in(shard, [&](const ObjectId& id, Need& need) { batch.emplace_back(id, &need); });
      report_.objects += batch.size();
      TRY(for_each_parallel(batch.size(), jobs_, [&](size_t i) -> Status {
        if (done++ % 64 == 0) progress("objects", shard, Needs::kShards);
        const auto& [id, need] = batch[i];
        const Result<uint64_t> size = options_.deep ? check_bytes(id, *need) : check_header(id, *need);
        if (size) {
          bytes += *size;
          return Done{};
        }
        need->is_broken = true;
        const MutexLock lock(mutex_);
        broken_objects_.emplace(id, said_of(id, size.error()));
        return Done{};
      }));
    }
    report_.object_bytes = bytes;
    return Done{};
  }

  // The size of its file.
  Result<uint64_t> check_header(const ObjectId& id, const Need& need) {
    const UniqueFd file = TRY(open_file(store_.path_of(id), O_RDONLY));
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return system_error(errno, "cannot look at it");
    const auto size = static_cast<uint64_t>(info.st_size);
    const ObjectHeader header = TRY(read_object_header(TRY(read_at(file.get(), 0, kObjectHeaderBytes))));
    if (size > kMaxObjectFileBytes) return Error{Code::kCorrupt, "its file is too long"};
    if (header.codec == Codec::kNone && size != kObjectHeaderBytes + header.plain_size_bytes)
      return Error{Code::kCorrupt, str("its file has ", size, " bytes, not ",
                                       kObjectHeaderBytes + header.plain_size_bytes, ": cut off or grown")};
    if (header.codec != Codec::kNone && size == kObjectHeaderBytes)
      return Error{Code::kCorrupt, "its file ends after the header"};
    TRY(check_extent(header.plain_size_bytes, need));
    return size;
  }

  Result<uint64_t> check_bytes(const ObjectId& id, const Need& need) {
    const Bytes file = TRY(store_.get(id));
    const Bytes plain = TRY(decode_object(id, file));
    TRY(check_extent(plain.size(), need));
    return file.size();
  }

  static Status check_extent(uint64_t size_bytes, const Need& need) {
    if (need.extent_bytes <= size_bytes) return Done{};
    return Error{Code::kCorrupt, str("has ", size_bytes, " bytes; files reach up to ", need.extent_bytes)};
  }

  // ---- contents

  struct Content {
    Digest digest;
    std::vector<Slice> slices;
    uint64_t size_bytes;
  };

  Status check_contents() {
    constexpr size_t kBatch = 4096;
    DigestSet seen;
    for (size_t i = 0; i < catalog_ids_.size(); ++i) {
      if (unreadable_.contains(catalog_ids_[i])) continue;
      const auto catalog = TRY(Catalog::open(catalog_ids_[i], objects_));
      std::vector<Content> batch;
      Status outcome = Done{};
      const auto flush = [&] {
        outcome = check_batch(batch);
        report_.contents += batch.size();
        progress("contents", report_.contents, 0);
        batch.clear();
        return outcome.has_value();
      };
      TRY(catalog->scan([&](Entry&& entry) {
        if (!entry.node.is_file()) return true;
        auto slices = slices_of(*catalog, entry);
        if (!slices) return true;  // reported with the catalog
        if (!seen.insert(Digest::of(str(entry.node.digest.raw(), encode_slices(*slices))))) return true;
        batch.push_back({entry.node.digest, *std::move(slices), entry.node.size_bytes});
        return batch.size() < kBatch || flush();
      }));
      TRY(std::move(outcome));
      if (!flush()) return outcome;
    }
    return Done{};
  }

  Status check_batch(const std::vector<Content>& batch) {
    return for_each_parallel(batch.size(), jobs_, [&](size_t i) -> Status {
      const Content& content = batch[i];
      for (const Slice& slice : content.slices) {
        if (!slice.is_hole() && needs_.is_broken(slice.object)) return Done{};  // reported as that object
      }
      const auto actual = digest_of(content);
      if (actual && *actual == content.digest) return Done{};
      const MutexLock lock(mutex_);
      broken_contents_.emplace(content.digest, actual ? str("its objects hold ", *actual) : actual.error().message);
      return Done{};
    });
  }

  Result<Digest> digest_of(const Content& content) {
    static const Bytes kZeros(size_t{1} << 20, '\0');
    Sha256 hash;
    for (const Slice& slice : content.slices) {
      if (!slice.is_hole()) {
        hash.update(ByteView(*TRY(objects_.read(slice.object))).substr(slice.offset_bytes, slice.length_bytes));
        continue;
      }
      for (uint64_t left = slice.length_bytes; left > 0; left -= std::min<uint64_t>(left, kZeros.size()))
        hash.update(ByteView(kZeros).substr(0, left));
    }
    return hash.finish();
  }

  // ---- keys limited to paths

  Status check_constraints() {
    for (const PathConstraint& constraint : log_.constraints) {
      if (!readable(constraint.base_catalog) || !readable(constraint.catalog)) continue;  // let go, or reported
      const auto before = TRY(Catalog::open(constraint.base_catalog, objects_));
      const auto after = TRY(Catalog::open(constraint.catalog, objects_));
      if (!TRY(changed_only_below(*before, *after, constraint.allowed)))
        broken(str("catalog ", constraint.catalog), "was changed outside the paths that its signers may change",
               places_of(constraint.catalog, ""));
    }
    return Done{};
  }
  bool readable(const CatalogId& id) const { return catalogs_.contains(id) && !unreadable_.contains(id); }

  // ---- which paths are touched

  Status locate() {
    std::map<ObjectId, Fault> objects;
    std::map<Digest, Fault> contents;
    for (const auto& [id, what] : broken_objects_) objects.emplace(id, Fault{str("object ", id), what, {}, 0});
    for (const auto& [digest, what] : broken_contents_)
      contents.emplace(digest, Fault{str("content ", digest), what, {}, 0});
    if (objects.empty() && contents.empty()) return Done{};
    touch_documents(objects);
    for (size_t i = 0; i < catalog_ids_.size(); ++i) {
      progress("paths that are touched", i, catalog_ids_.size());
      const CatalogId& id = catalog_ids_[i];
      touch_catalog(id, objects);
      if (!unreadable_.contains(id)) TRY(touch_files(id, objects, contents));
    }
    for (auto& [id, fault] : objects) report_.faults.push_back(std::move(fault));
    for (auto& [digest, fault] : contents) report_.faults.push_back(std::move(fault));
    return Done{};
  }

  static void touch(Fault& fault, Fault::Place place) {
    ++fault.touched_total;
    if (fault.touched.size() < kMaxTouched) fault.touched.push_back(std::move(place));
  }

  void touch_documents(std::map<ObjectId, Fault>& objects) {
    for (auto& [id, fault] : objects) {
      if (log_.survey.names.contains(id)) fault.what += " (it holds the names of the log)";
      const auto snapshot = history_.found().find(id);
      if (snapshot != history_.found().end()) touch(fault, {id, snapshot->second.names, ""});
    }
  }

  // The catalog's own objects: without one of them, nobody can tell which paths are lost.
  void touch_catalog(const CatalogId& id, std::map<ObjectId, Fault>& objects) {
    std::vector<ObjectId> own{id};
    if (const auto pages = CatalogPages::open(id, objects_)) {
      if (auto all = (*pages)->own_objects()) own = *std::move(all);
    }
    for (const ObjectId& object : own) {
      const auto fault = objects.find(object);
      if (fault == objects.end()) continue;
      if (fault->second.touched_total == 0) fault->second.what += " (part of the directory database)";
      for (Fault::Place& place : places_of(id, "")) touch(fault->second, std::move(place));
    }
  }

  Status touch_files(const CatalogId& id, std::map<ObjectId, Fault>& objects, std::map<Digest, Fault>& contents) {
    const auto catalog = TRY(Catalog::open(id, objects_));
    struct Hit {
      Fault* fault;
      InodeNumber parent;
      Bytes name;
    };
    std::vector<Hit> hits;
    TRY(catalog->scan([&](Entry&& entry) {
      if (!entry.node.is_file()) return true;
      const auto slices = slices_of(*catalog, entry);
      std::set<Fault*> touched;
      if (slices) {
        for (const Slice& slice : *slices) {
          if (const auto fault = objects.find(slice.object); fault != objects.end()) touched.insert(&fault->second);
        }
      }
      if (const auto fault = contents.find(entry.node.digest); fault != contents.end()) touched.insert(&fault->second);
      for (Fault* fault : touched) hits.push_back({fault, entry.parent, entry.name});
      return true;
    }));
    for (const Hit& hit : hits) {
      const Bytes directory = TRY(catalog->path_of(hit.parent));
      const std::string path = "/" + printable(directory.empty() ? hit.name : directory + "/" + hit.name);
      for (Fault::Place& place : places_of(id, path)) touch(*hit.fault, std::move(place));
    }
    return Done{};
  }

  // ---- what nothing reaches

  bool is_needed(const ObjectId& id) { return needs_.contains(id) || profile_objects_.contains(id); }

  Status count_orphans() {
    const std::string top = options_.directory + "/objects";
    std::error_code failure;
    for (filesystem::directory_iterator folder(top, failure), end; !failure && folder != end;
         folder.increment(failure)) {
      const std::string name = folder->path().filename().string();
      for (filesystem::directory_iterator file(folder->path(), failure); !failure && file != end;
           file.increment(failure)) {
        const std::string rest = file->path().filename().string();
        if (!has_object_name(name, rest)) {
          ++report_.leftovers;
        } else if (!is_needed(*Digest::parse(name + rest))) {
          ++report_.orphans;
          std::error_code gone;
          const auto size = file->file_size(gone);
          if (!gone) report_.orphan_bytes += size;
        }
      }
    }
    if (failure && failure != std::errc::no_such_file_or_directory)
      return system_error(failure.value(), "cannot list " + printable(top));
    count_private();
    return Done{};
  }

  void count_private() {
    std::error_code failure;
    const std::string top = options_.directory + "/.granary";
    for (filesystem::recursive_directory_iterator at(top + "/quarantine", failure), end; !failure && at != end;
         at.increment(failure)) {
      if (at->is_regular_file(failure)) ++report_.quarantined;
    }
    failure.clear();
    for (filesystem::directory_iterator at(top + "/staging", failure), end; !failure && at != end;
         at.increment(failure)) {
      const std::string lock = at->path().string() + "/lock";
      if (at->path().filename() == ".lock") continue;
      if (!exists(lock) || FileLock::try_lock(lock).has_value()) ++report_.leftovers;
    }
  }

  const CheckOptions& options_;
  const std::function<void(const CheckProgress&)>& on_progress_;
  const unsigned jobs_;
  DirStore store_;
  KeptReader objects_;

  Mutex mutex_;
  CheckReport report_;
  std::optional<MirrorNote> note_;
  LogCheck log_{
      options_.directory, objects_, [this](const std::string& thing, const std::string& what) { broken(thing, what); },
      [this](const std::string& thing, const std::string& what) { report_.notes.push_back(thing + ": " + what); },
      [this](uint64_t done, uint64_t total) { progress("log", done, total); }};
  History history_{objects_, Clock::system().now()};
  Needs needs_;
  std::set<SnapshotId> reported_;
  std::set<ObjectId> profile_objects_;  // plans and traces; checked apart, because no file depends on them
  std::map<CatalogId, std::vector<SnapshotId>> catalogs_;
  std::vector<CatalogId> catalog_ids_;
  std::set<CatalogId> unreadable_;
  std::map<ObjectId, std::string> broken_objects_;
  std::map<Digest, std::string> broken_contents_;
};

}  // namespace

Result<CheckReport> check_repository(const CheckOptions& options,
                                     const std::function<void(const CheckProgress&)>& on_progress) {
  return TRY_WITHIN("cannot check " + printable(options.directory), Checker(options, on_progress).run());
}

}  // namespace granary
