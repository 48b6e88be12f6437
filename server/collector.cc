// Mark and sweep. Marked is what the head reaches when the run begins: log, names, snapshots, catalogs, slices; a set
// of digests in memory. The sweep goes through objects/ folder by folder. Between the mark and a batch a publish may
// have committed: so each batch first marks what the head reaches now, while the commit lock keeps others from
// committing. A publish under way keeps its objects by their age (mtime and ctime; a rename renews the latter), and
// takes back what it relied on when it commits.
#include "server/collector.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "fs/base/file.h"
#include "fs/base/unique_name.h"
#include "fs/format/page_source.h"
#include "fs/format/trust.h"
#include "server/digest_map.h"
#include "server/history.h"
#include "server/mirror_note.h"
#include "server/parallel.h"
#include "server/quarantine.h"
#include "server/staging.h"

namespace granary {

namespace {
namespace filesystem = std::filesystem;

struct FileFacts {
  timespec changed;  // the later of mtime and ctime
  timespec modified;
  uint64_t size_bytes;
};

bool operator<(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

Result<FileFacts> facts_of(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return system_error(errno, "cannot look at " + printable(path));
  const timespec changed = info.st_mtim < info.st_ctim ? info.st_ctim : info.st_mtim;
  return FileFacts{changed, info.st_mtim, static_cast<uint64_t>(info.st_size)};
}

Result<std::vector<std::string>> names_in(const std::string& directory) {
  std::error_code failure;
  std::vector<std::string> names;
  for (filesystem::directory_iterator at(directory, failure), end; !failure && at != end; at.increment(failure))
    names.push_back(at->path().filename().string());
  if (failure && failure != std::errc::no_such_file_or_directory)
    return system_error(failure.value(), "cannot list " + printable(directory));
  return names;
}

class Collector {
 public:
  Collector(const CollectOptions& options, const std::function<void(const CollectProgress&)>& on_progress)
      : options_(options),
        on_progress_(on_progress),
        top_(options.directory),
        store_(top_),
        objects_(store_),
        quarantine_(top_),
        history_(objects_, options.clock->now()) {}

  Result<Collected> run() {
    TRY(open());
    const FileLock alone = TRY_WITHIN("another collection is under way", FileLock::try_lock(private_path("gc.lock")));
    if (!options_.keep.empty() && !options_.dry_run) TRY(announce());
    evict_cooks();
    TRY(begin_clock());
    if (!options_.dry_run) collected_.swept = TRY(sweep_dead_stagings(top_));
    TRY_WITHIN("nothing was removed", mark(TRY(read_head())));
    options_.after_mark();
    TRY(sweep());
    TRY(purge());
    collected_.live_objects = live_.size();
    collected_.snapshots = history_.found().size();
    return collected_;
  }

 private:
  struct Head {
    Record record;
    RecordDigest digest;
    Names names;
    Root root;
  };

  std::string private_path(const std::string& name) const { return top_ + "/.granary/" + name; }
  void progress(const char* step, uint64_t done, uint64_t total) {
    if (!on_progress_) return;
    const MutexLock lock(mutex_);
    on_progress_({step, done, total});
  }

  Status open() {
    if (!exists(top_ + "/head.json") || !exists(private_path("trust.json")))
      return Error{Code::kNotARepository, printable(top_) + " is not a Granary repository of our own"};
    trust_ = TRY(TrustFile::load(private_path("trust.json")));
    note_ = TRY(MirrorNote::load(top_));
    return Done{};
  }

  // ---- announcing

  Status announce() {
    if (note_) return Error{Code::kInvalid, "a mirror keeps what its source keeps: announce there"};
    const auto repository = TRY(Repository::open(top_));
    const RepositoryState now = TRY(repository->read());
    const auto is_same = [](const Retention& a, const Retention& b) {
      return a.keep_last == b.keep_last && a.keep_seconds == b.keep_seconds;
    };
    for (const auto& [branch, wanted] : options_.keep) {
      TRY(now.branch(branch));
      const auto known = now.names.retention.find(branch);
      if (known != now.names.retention.end() && is_same(known->second, wanted)) continue;
      Retention retention = wanted;
      retention.effective = options_.clock->now() + options_.notice_seconds;
      collected_.announced.emplace(branch, retention);
    }
    if (collected_.announced.empty()) return Done{};
    TRY(repository->commit([&](const RepositoryState&, Repository::Draft& draft) -> Status {
      JsonValue::Object action{{"do", "retain"}};
      for (const auto& [branch, retention] : collected_.announced) {
        draft.names.retention[branch] = retention;
        action.insert_or_assign("branch", branch);
        action.insert_or_assign("effective", format_utc(retention.effective));
      }
      draft.next.action = std::move(action);
      return Done{};
    }));
    return Done{};
  }

  // ---- letting go of what cooking cached

  // A repository whose keys are elsewhere is collected all the same.
  void evict_cooks() {
    if (note_) return;  // a mirror keeps what its source keeps
    const auto evict = [&]() -> Result<EvictedCooks> {
      const auto repository = TRY(Repository::open(top_));
      return evict_cook_branches(*repository, options_.cook_layers_older_seconds, options_.dry_run, *options_.clock);
    };
    if (auto evicted = evict()) {
      collected_.evicted = *evicted;
    } else {
      collected_.eviction_failure = evicted.error().message;
    }
  }

  // ---- marking

  // By the filesystem's own clock, which may be another machine's.
  Status begin_clock() {
    const std::string probe = private_path(str("gc.", unique_name(), ".tmp"));
    TRY(replace_file(probe, "", 0600, Durability::kFast));
    start_ = TRY(facts_of(probe)).changed;
    ::unlink(probe.c_str());
    return Done{};
  }

  Result<Head> read_head() {
    const Bytes text = TRY(read_file(top_ + "/head.json", kMaxHeadBytes));
    Seen seen;
    const VerifiedHead head =
        TRY(verify_head(text, trust_, {TrustPolicy::Freshness::kArchive, options_.clock->now()}, seen));
    Names names = TRY(Names::parse(*TRY(objects_.read(head.record().names))));
    return Head{head.record(), head.record_digest(), std::move(names), head.root()};
  }

  // Everything that `head` reaches and that is not marked yet.
  Status mark(const Head& head) {
    const auto fetch = [this](uint64_t revision) {
      return read_file(str(top_, "/log/", revision, ".json"), kMaxDocumentBytes);
    };
    TRY(survey_log(head.record, marked_revision_, fetch, objects_, survey_));
    for (const Digest& names : survey_.names) add(names);
    std::vector<KeptName> names = TRY(kept_names(head.record, head.names));
    if (note_) names = note_->choose(std::move(names));
    for (const KeptName& name : names) {
      TRY(history_.add(name, head.names, survey_,
                       [](const SnapshotId& id, const std::string& by, const Error& error) -> Status {
                         return error.within(str("snapshot ", id.brief(), " of ", by));
                       }));
    }
    std::vector<CatalogId> catalogs;
    for (const auto& [id, found] : history_.found()) {
      add(id);
      for (const ObjectId& object : profile_objects(head.root, head.names, id)) add(object);
      if (catalogs_.insert(found.snapshot.catalog).second) catalogs.push_back(found.snapshot.catalog);
    }
    std::atomic<uint64_t> done{0};
    TRY(for_each_parallel(catalogs.size(), cores_or(options_.jobs), [&](size_t i) -> Status {
      progress("marking: catalogs", done++, catalogs.size());
      return mark_catalog(catalogs[i]);
    }));
    marked_revision_ = head.record.revision;
    marked_digest_ = head.digest;
    collected_.revision = head.record.revision;
    return Done{};
  }

  Status mark_catalog(const CatalogId& id) {
    const std::string what = "catalog " + id.brief();
    const auto pages = TRY_WITHIN(what, CatalogPages::open(id, objects_));
    for (const ObjectId& own : TRY_WITHIN(what, pages->own_objects())) add(own);
    add(id);
    const auto catalog = TRY_WITHIN(what, Catalog::open(id, objects_));
    ObjectId last;  // most neighbours lie in the same object
    TRY_WITHIN(what, each_slice(*catalog, [&](const Entry&, const Slice& slice) {
                 if (slice.object != last) add(last = slice.object);
               }));
    return Done{};
  }

  void add(const ObjectId& id) {
    const MutexLock lock(mutex_);
    live_.insert(id);
  }

  // ---- sweeping

  Status sweep() {
    const std::string objects = top_ + "/objects";
    const std::vector<std::string> folders = TRY(names_in(objects));
    for (size_t i = 0; i < folders.size(); ++i) {
      progress("sweeping", i, folders.size());
      TRY(sweep_folder(folders[i], objects + "/" + folders[i]));
    }
    return Done{};
  }

  Status sweep_folder(const std::string& folder, const std::string& path) {
    std::vector<ObjectId> victims;
    for (const std::string& name : TRY(names_in(path))) {
      const auto facts = facts_of(path + "/" + name);
      if (!facts) continue;  // gone
      const auto id = Digest::parse(folder + name);
      if (!id) {
        sweep_temporary(path + "/" + name, *facts);
      } else if (facts->changed < start_ && !live_.contains(*id)) {
        victims.push_back(*id);
        collected_.quarantined_bytes += facts->size_bytes;
      }
    }
    collected_.quarantined += victims.size();
    if (options_.dry_run || victims.empty()) return Done{};
    constexpr size_t kBatch = 1024;
    for (size_t first = 0; first < victims.size(); first += kBatch)
      TRY(set_aside({victims.begin() + static_cast<ptrdiff_t>(first),
                     victims.begin() + static_cast<ptrdiff_t>(std::min(first + kBatch, victims.size()))}));
    return Done{};
  }

  // What a process that died while it wrote an object left behind; a day is longer than any write.
  void sweep_temporary(const std::string& path, const FileFacts& facts) {
    const bool is_ours = path.ends_with(".tmp");
    const timespec a_day_ago{start_.tv_sec - 86400, 0};
    if (!is_ours || !(facts.changed < a_day_ago) || options_.dry_run) return;
    if (::unlink(path.c_str()) == 0) ++collected_.swept;
  }

  Status set_aside(const std::vector<ObjectId>& victims) {
    const FileLock lock = TRY(FileLock::wait(private_path("commit.lock")));
    const Head head = TRY(read_head());
    if (head.digest != marked_digest_) TRY_WITHIN("the head moved", mark(head));
    for (const ObjectId& id : victims) {
      const auto facts = facts_of(store_.path_of(id));
      const bool is_victim = facts && facts->changed < start_ && !live_.contains(id);
      if (is_victim) {
        TRY(quarantine_.set_aside(id));
        continue;
      }
      --collected_.quarantined;
      if (facts) collected_.quarantined_bytes -= facts->size_bytes;
    }
    return Done{};
  }

  // ---- the end of grace

  Status purge() {
    for (const std::string& folder : TRY(names_in(quarantine_.directory()))) {
      const std::string path = quarantine_.directory() + "/" + folder;
      const FileLock lock = TRY(FileLock::wait(private_path("commit.lock")));
      if (!options_.dry_run) {
        const Head head = TRY(read_head());
        if (head.digest != marked_digest_) TRY_WITHIN("the head moved", mark(head));
      }
      for (const std::string& name : TRY(names_in(path))) TRY(purge_file(folder, path, name));
    }
    return Done{};
  }

  Status purge_file(const std::string& folder, const std::string& path, const std::string& name) {
    const FileFacts facts = TRY(facts_of(path + "/" + name));
    const auto id = Digest::parse(folder + name);
    const bool is_missed = id && live_.contains(*id) && !TRY(store_.has(*id));
    if (is_missed && !options_.dry_run) TRY(quarantine_.restore(*id));
    if (is_missed) {
      ++collected_.restored;
      return Done{};
    }
    if (facts.modified.tv_sec + options_.grace_seconds > options_.clock->now()) {
      ++collected_.waiting;
      collected_.waiting_bytes += facts.size_bytes;
      return Done{};
    }
    if (!options_.dry_run && ::unlink((path + "/" + name).c_str()) != 0 && errno != ENOENT)
      return system_error(errno, "cannot delete " + printable(path + "/" + name));
    ++collected_.deleted;
    collected_.deleted_bytes += facts.size_bytes;
    return Done{};
  }

  const CollectOptions& options_;
  const std::function<void(const CollectProgress&)>& on_progress_;
  const std::string top_;
  DirStore store_;
  StoreReader objects_;
  Quarantine quarantine_;
  TrustFile trust_;
  std::optional<MirrorNote> note_;
  timespec start_{};

  History history_;
  LogSurvey survey_;
  std::set<CatalogId> catalogs_;
  uint64_t marked_revision_ = 0;
  RecordDigest marked_digest_;

  Mutex mutex_;
  DigestSet live_;  // written under mutex_ while marking
  Collected collected_;
};

}  // namespace

Result<Collected> collect(const CollectOptions& options,
                          const std::function<void(const CollectProgress&)>& on_progress) {
  return TRY_WITHIN("cannot collect garbage in " + printable(options.directory), Collector(options, on_progress).run());
}

Result<std::pair<std::string, Retention>> parse_retention(const std::string& text) {
  const size_t equals = text.rfind('=');
  const std::string branch = text.substr(0, equals);
  const std::string limit = equals == std::string::npos ? "" : text.substr(equals + 1);
  Retention retention;
  if (!limit.empty() && limit.size() < 10 && limit.find_first_not_of("0123456789") == std::string::npos) {
    retention.keep_last = std::stoull(limit);
  } else if (const auto seconds = parse_duration_seconds(limit)) {
    retention.keep_seconds = static_cast<uint64_t>(*seconds);
  }
  if (branch.empty() || retention.keep_last == 0U || (!retention.keep_last && !retention.keep_seconds))
    return Error{Code::kInvalid,
                 "\"" + printable(text) + "\" is no retention: say main=5 for snapshots, main=30d for a time"};
  return std::pair(branch, retention);
}

}  // namespace granary
