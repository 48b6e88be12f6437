// The order is that of docs/format.md, 8: a reader of the mirror never sees a head whose objects are not there. What
// arrives goes through a staging that is committed every so often, so that an object which has its name is complete
// even after a power cut, and a run that was interrupted has little to do again.
#include "server/mirror.h"

#include <condition_variable>
#include <filesystem>
#include <shared_mutex>

#include "fs/base/crash_point.h"
#include "fs/base/file.h"
#include "fs/format/page_source.h"
#include "fs/format/trust.h"
#include "server/digest_map.h"
#include "server/format_document.h"
#include "server/mirror_note.h"
#include "server/parallel.h"
#include "server/staging.h"

namespace granary {

namespace {
constexpr size_t kStagedObjects = 2000;
constexpr uint64_t kStagedBytes = uint64_t{256} << 20;
constexpr int kTries = 4;
constexpr std::chrono::seconds kPatience{120};

// Files of the source, one waiting caller each. Safe from many threads.
class Source {
 public:
  explicit Source(std::unique_ptr<Transport> transport) : transport_(std::move(transport)) {}

  Result<Bytes> get(const std::string& path, size_t limit_bytes) {
    Result<Bytes> answer = Error{Code::kUnavailable, "not asked"};
    for (int i = 0; i < kTries; ++i) {
      answer = get_once(path, limit_bytes, i > 0);
      if (answer || answer.error().code != Code::kUnavailable) break;
    }
    return answer;
  }

 private:
  struct Waiting {
    Mutex mutex;
    std::condition_variable arrived;
    std::optional<Result<Bytes>> answer GUARDED_BY(mutex);
  };

  Result<Bytes> get_once(const std::string& path, size_t limit_bytes, bool past_caches) {
    const auto waiting = std::make_shared<Waiting>();
    GetRequest request;
    request.path = path;
    request.limit_bytes = limit_bytes;
    request.deadline = std::chrono::steady_clock::now() + kPatience;
    request.past_caches = past_caches;
    const auto transfer = transport_->get(std::move(request), [waiting](Result<Bytes> answer) {
      const MutexLock lock(waiting->mutex);
      waiting->answer.emplace(std::move(answer));
      waiting->arrived.notify_one();
    });
    MutexLock lock(waiting->mutex);
    while (!waiting->answer) lock.wait(waiting->arrived);
    return *std::move(waiting->answer);
  }

  const std::unique_ptr<Transport> transport_;
};

// What the mirror has, and, where it has it not, the source's, verified and kept. Safe from many threads.
class Copier : public ObjectReader {
 public:
  Copier(Source& source, const std::string& destination, std::unique_ptr<Staging> staging, bool distrust)
      : source_(source), staging_(std::move(staging)), repository_(destination), distrust_(distrust) {}

  Result<SharedBytes> read(const ObjectId& id) override {
    if (auto here = read_here(id)) return *here;
    return std::make_shared<const Bytes>(TRY(fetch(id)));
  }

  // Makes sure that it is here; whether it had to be fetched.
  Status copy(const ObjectId& id) {
    if (!distrust_ && TRY(has(id))) {
      ++present_;
      return Done{};
    }
    if (distrust_ && read_here(id)) {
      ++present_;
      return Done{};
    }
    TRY(fetch(id));
    return Done{};
  }

  // Everything copied so far is durable in the mirror.
  Status settle() {
    const std::unique_lock lock(settling_);
    return settle_locked();
  }
  // What was here, or copied, is still there; under the commit lock.
  Status confirm() { return staging_->confirm(); }

  uint64_t copied() const { return copied_; }
  uint64_t copied_bytes() const { return copied_bytes_; }
  uint64_t present() const { return present_; }

 private:
  Result<bool> has(const ObjectId& id) {
    const std::shared_lock lock(settling_);
    return staging_->has(id);
  }

  // Nothing when it is not here, or damaged: then it is fetched anew.
  std::optional<SharedBytes> read_here(const ObjectId& id) {
    const std::shared_lock lock(settling_);
    if (const auto present = staging_->has(id); !present || !*present) return std::nullopt;
    const auto file = staging_->get(id);
    auto plain = file ? decode_object(id, *file) : file.error();
    if (plain) return std::make_shared<const Bytes>(*std::move(plain));
    ::unlink(repository_.path_of(id).c_str());
    return std::nullopt;
  }

  Result<Bytes> fetch(const ObjectId& id) {
    const std::string what = str("object ", id, " of the source");
    const Bytes file = TRY_WITHIN(what, source_.get(object_path(id), kMaxObjectFileBytes));
    Bytes plain = TRY_WITHIN(what, decode_object(id, file));
    const bool is_full = TRY(keep(id, file));
    if (is_full) TRY(settle_when_full());
    return plain;
  }

  Result<bool> keep(const ObjectId& id, const Bytes& file) {
    const std::shared_lock lock(settling_);
    TRY(staging_->put_anew(id, file));
    ++copied_;
    copied_bytes_ += file.size();
    staged_bytes_ += file.size();
    return ++staged_ >= kStagedObjects || staged_bytes_ >= kStagedBytes;
  }

  Status settle_when_full() {
    const std::unique_lock lock(settling_);
    if (staged_ < kStagedObjects && staged_bytes_ < kStagedBytes) return Done{};  // somebody was faster
    return settle_locked();
  }

  Status settle_locked() {
    staged_ = 0;
    staged_bytes_ = 0;
    TRY(staging_->commit());
    crash_point("mirror-settled");
    return Done{};
  }

  Source& source_;
  const std::unique_ptr<Staging> staging_;
  DirStore repository_;
  const bool distrust_;
  std::shared_mutex settling_;
  std::atomic<uint64_t> copied_{0}, copied_bytes_{0}, present_{0}, staged_{0}, staged_bytes_{0};
};

class Mirror {
 public:
  Mirror(const MirrorOptions& options, const std::function<void(const MirrorProgress&)>& on_progress)
      : options_(options), on_progress_(on_progress), top_(options.destination) {}

  Result<Mirrored> run() {
    TRY(open());
    const FileLock alone =
        TRY_WITHIN("another `granary mirror` is at work", FileLock::try_lock(private_path("mirror.lock")));
    source_.emplace(TRY(options_.connect(options_.source)));
    TRY(fetch_head());
    copier_ = std::make_unique<Copier>(*source_, top_, TRY(Staging::begin(top_)), options_.recheck);
    TRY(fetch_log());
    TRY(copy_snapshots());
    TRY(copier_->settle());
    TRY(swap());
    count();
    return result_;
  }

 private:
  std::string private_path(const std::string& name) const { return top_ + "/.granary/" + name; }
  void progress(const char* step) {
    if (!on_progress_) return;
    const MutexLock lock(mutex_);
    on_progress_({step, copier_ ? copier_->copied() : 0, copier_ ? copier_->copied_bytes() : 0});
  }

  // ---- the destination

  Status open() {
    if (exists(private_path("keys")))
      return Error{Code::kInvalid,
                   printable(top_) + " is a repository of its own, and no mirror: name another directory"};
    TRY(make_directories(top_));
    const bool is_new = !exists(private_path("mirror.json"));
    std::error_code failure;
    if (is_new && !exists(top_ + "/.granary") && !std::filesystem::is_empty(top_, failure))
      return Error{Code::kInvalid, printable(top_) + " is not empty, and no mirror: name a new directory"};
    TRY(make_directories(top_ + "/.granary", 0700));
    TRY(open_trust());
    note_ = TRY(MirrorNote::load(top_)).value_or(MirrorNote{});
    note_.source = options_.source;
    if (!options_.branches.empty() || !options_.tags.empty()) {
      if (!is_new && !note_.is_partial() && exists(top_ + "/head.json"))
        return Error{Code::kInvalid,
                     printable(top_) + " mirrors everything; --tag and --branch need a mirror of their own"};
      note_.branches = options_.branches;
      note_.tags = options_.tags;
      note_.complete.clear();
    }
    if (options_.recheck) note_.complete.clear();
    return note_.save(top_);
  }

  Status open_trust() {
    const std::string path = private_path("trust.json");
    if (exists(path)) {
      trust_ = TRY(TrustFile::load(path));
      if (options_.trust && options_.trust->repository != trust_.repository)
        return Error{Code::kWrongRepository,
                     str(printable(top_), " mirrors repository ", trust_.name, " (", trust_.repository,
                         "); the trust file is for ", options_.trust->name, " (", options_.trust->repository, ")")};
      return Done{};
    }
    if (!options_.trust)
      return Error{Code::kBadTrustFile, "a new mirror needs the repository's trust file: name it with --trust"};
    trust_ = *options_.trust;
    return replace_file(path, trust_.serialise(), 0600, Durability::kDurable);
  }

  // ---- the head

  Status fetch_head() {
    const TrustPolicy policy{TrustPolicy::Freshness::kArchive, options_.clock->now()};
    Seen seen;
    const std::string own = top_ + "/head.json";
    if (exists(own)) {
      const VerifiedHead mine =
          TRY_WITHIN("the mirror's own head", verify_head(TRY(read_file(own, kMaxHeadBytes)), trust_, policy, seen));
      result_.previous_revision = mine.record().revision;
    }
    auto text = source_->get("head.json", kMaxHeadBytes);
    if (!text && text.error().code == Code::kNotFound)
      return Error{Code::kNotARepository, "no Granary repository at " + options_.source + ": it has no head.json"};
    head_text_ = TRY(std::move(text));
    head_ = TRY_WITHIN("cannot trust " + options_.source, verify_head(head_text_, trust_, policy, seen));
    result_.stale_since = head_->stale_since();
    return Done{};
  }

  // ---- the log

  Result<Bytes> log_record(uint64_t revision) {
    if (const auto fetched = log_.find(revision); fetched != log_.end()) return fetched->second;
    return read_file(str(top_, "/log/", revision, ".json"), kMaxDocumentBytes);
  }

  // Records that are not here are fetched side by side, before the chain says whether they are right.
  Status fetch_log() {
    std::vector<uint64_t> missing;
    for (uint64_t revision = 1; revision < head_->record().revision; ++revision) {
      if (options_.recheck || !exists(str(top_, "/log/", revision, ".json"))) missing.push_back(revision);
    }
    TRY(for_each_parallel(missing.size(), options_.jobs, [&](size_t i) -> Status {
      progress("log");
      Bytes text = TRY(source_->get(str("log/", missing[i], ".json"), kMaxDocumentBytes));
      const MutexLock lock(mutex_);
      log_.emplace(missing[i], std::move(text));
      return Done{};
    }));
    const auto fetch = [this](uint64_t revision) { return log_record(revision); };
    TRY(survey_log(head_->record(), 0, fetch, *copier_, survey_));
    const SharedBytes names = TRY(copier_->read(head_->record().names));
    names_ = TRY(Names::parse(*names));
    result_.records = log_.size();
    return Done{};
  }

  // ---- snapshots

  Status copy_snapshots() {
    const std::vector<KeptName> kept = note_.choose(TRY(kept_names(head_->record(), names_)));
    TRY(check_chosen(kept));
    History history(*copier_, options_.clock->now());
    for (const KeptName& name : kept) {
      TRY(history.add(name, names_, survey_,
                      [](const SnapshotId& id, const std::string& by, const Error& error) -> Status {
                        return error.within(str("snapshot ", id.brief(), " of ", by));
                      }));
    }
    for (const KeptName& name : kept) TRY(check_name(name, history));
    result_.snapshots = history.found().size();
    std::set<SnapshotId> complete;
    for (const auto& [id, found] : history.found()) {
      if (!note_.complete.contains(id)) {
        TRY_WITHIN(str("snapshot ", id.brief(), " (", found.names.front(), ")"), copy_snapshot(found.snapshot));
        TRY(copier_->settle());
        note_.complete.insert(id);
        TRY(note_.save(top_));
        ++result_.new_snapshots;
      }
      complete.insert(id);
    }
    TRY(copy_profiles(history));
    TRY(check_constraints(kept));
    note_.complete = std::move(complete);
    return Done{};
  }

  // They may have been attached after their snapshot was copied.
  Status copy_profiles(const History& history) {
    std::vector<ObjectId> objects;
    for (const auto& [id, found] : history.found()) {
      for (const ObjectId& object : profile_objects(head_->root(), names_, id)) objects.push_back(object);
    }
    TRY_WITHIN("profiles", copy_all(objects));
    return copier_->settle();
  }

  Status check_chosen(const std::vector<KeptName>& kept) const {
    const auto has = [&](const std::string& what) {
      return std::any_of(kept.begin(), kept.end(), [&](const KeptName& name) { return name.what == what; });
    };
    for (const std::string& branch : note_.branches) {
      if (!has("branch " + branch)) return Error{Code::kNotFound, "the source has no branch " + printable(branch)};
    }
    for (const std::string& tag : note_.tags) {
      if (!has("tag " + tag)) return Error{Code::kNotFound, "the source has no tag " + printable(tag)};
    }
    return Done{};
  }

  static Status check_name(const KeptName& name, const History& history) {
    const Snapshot& snapshot = history.found().at(name.statement.snapshot).snapshot;
    if (snapshot.tree == name.statement.tree && snapshot.catalog == name.statement.catalog) return Done{};
    return Error{Code::kMixAndMatch,
                 str(name.what, " names snapshot ", name.statement.snapshot.brief(), ", but another tree or catalog")};
  }

  Status copy_snapshot(const Snapshot& snapshot) {
    if (snapshot.repository != trust_.repository)
      return Error{Code::kWrongRepository, "it belongs to repository " + snapshot.repository};
    const auto pages = TRY(CatalogPages::open(snapshot.catalog, *copier_));
    const std::vector<ObjectId> own = TRY(pages->own_objects());
    TRY(copy_all(own));
    const auto catalog = TRY(Catalog::open(snapshot.catalog, *copier_));
    std::optional<std::string> fault;
    const Digest tree = TRY(check_catalog(*catalog, *copier_, [&](const Bytes& path, const std::string& what) {
      if (!fault) fault = "/" + printable(path) + ": " + what;
    }));
    if (fault) return Error{Code::kCorrupt, "its catalog is wrong: " + *fault};
    if (tree != snapshot.tree)
      return Error{Code::kCorrupt, str("it claims tree digest ", snapshot.tree, "; that of its catalog is ", tree)};
    std::vector<ObjectId> data;
    TRY(each_slice(*catalog, [&](const Entry&, const Slice& slice) {
      if (seen_.insert(slice.object)) data.push_back(slice.object);
    }));
    return copy_all(data);
  }

  Status copy_all(const std::vector<ObjectId>& objects) {
    return for_each_parallel(objects.size(), options_.jobs, [&](size_t i) -> Status {
      progress("objects");
      return copier_->copy(objects[i]);
    });
  }

  // What keys limited to paths have changed, as clients will check it.
  Status check_constraints(const std::vector<KeptName>& kept) {
    for (const KeptName& name : kept) {
      const bool is_branch = name.statement.kind == Statement::Kind::kBranch;
      const auto& from = is_branch ? head_->record().branches : names_.tags;
      const auto envelope = from.find(name.statement.name);
      if (envelope == from.end() || name.what.starts_with("the base of ")) continue;
      const VerifiedStatement statement =
          TRY(verify_statement(envelope->second, head_->root(), name.statement.kind, name.statement.name));
      for (const PathConstraint& constraint : statement.release.constraints) {
        const auto before = TRY(Catalog::open(constraint.base_catalog, *copier_));
        const auto after = TRY(Catalog::open(constraint.catalog, *copier_));
        if (!TRY(changed_only_below(*before, *after, constraint.allowed)))
          return Error{Code::kUntrusted, name.what + " was changed outside the paths that its signers may change"};
      }
    }
    return Done{};
  }

  // ---- the swap

  Status swap() {
    progress("committing");
    TRY(make_directories(top_ + "/objects"));
    TRY(make_directories(top_ + "/log"));
    TRY(make_directories(top_ + "/root"));
    TRY(replace_file(top_ + "/format.md", format_document(), 0644, Durability::kFast));
    const FileLock lock = TRY(FileLock::wait(private_path("commit.lock")));
    TRY(copier_->confirm());
    for (const auto& [revision, text] : log_)
      TRY(replace_file(str(top_, "/log/", revision, ".json"), text, 0644, Durability::kFast));
    const HeadBundle bundle = TRY(HeadBundle::parse(head_text_));
    for (size_t version = 1; version <= bundle.roots.size(); ++version)
      TRY(replace_file(str(top_, "/root/", version, ".json"), bundle.roots[version - 1].serialise(), 0644,
                       Durability::kFast));
    TRY(DirStore(top_).sync());
    TRY(note_.save(top_));
    crash_point("mirror-before-swap");
    TRY(replace_file(top_ + "/head.json", head_text_, 0644, Durability::kDurable));
    crash_point("mirror-after-swap");
    return replace_file(str(top_, "/log/", head_->record().revision, ".json"), bundle.record.serialise(), 0644,
                        Durability::kDurable);
  }

  void count() {
    result_.repository = trust_.repository;
    result_.name = trust_.name;
    result_.revision = head_->record().revision;
    result_.copied = copier_->copied();
    result_.copied_bytes = copier_->copied_bytes();
    result_.present = copier_->present();
  }

  const MirrorOptions& options_;
  const std::function<void(const MirrorProgress&)>& on_progress_;
  const std::string top_;
  Mutex mutex_;
  TrustFile trust_;
  MirrorNote note_;
  std::optional<Source> source_;
  Bytes head_text_;
  std::optional<VerifiedHead> head_;
  std::unique_ptr<Copier> copier_;
  std::map<uint64_t, Bytes> log_;  // fetched now
  LogSurvey survey_;
  Names names_;
  DigestSet seen_;  // data objects looked at in this run
  Mirrored result_;
};

}  // namespace

Result<Mirrored> mirror(const MirrorOptions& options, const std::function<void(const MirrorProgress&)>& on_progress) {
  return TRY_WITHIN("cannot mirror " + options.source + " to " + printable(options.destination),
                    Mirror(options, on_progress).run());
}

}  // namespace granary
