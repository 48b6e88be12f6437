#include "server/publisher.h"

#include <sys/stat.h>

#include <algorithm>
#include <thread>

#include "fs/base/log.h"
#include "fs/format/identifiers.h"
#include "server/catalog_editor.h"
#include "server/content_index.h"
#include "server/directory_source.h"
#include "server/ingest.h"
#include "server/live_packs.h"
#include "server/merge.h"
#include "server/object_pipeline.h"
#include "server/refs.h"
#include "server/repack.h"
#include "server/staging.h"
#include "server/tar_source.h"

namespace granary {

namespace {
unsigned jobs_of(const PublishOptions& options) {
  return options.jobs != 0 ? options.jobs : std::max(1U, std::thread::hardware_concurrency());
}

Result<std::unique_ptr<TreeSource>> open_source(const Repository& repository, const PublishOptions& options) {
  struct stat info {};
  if (options.source != "-" && ::stat(options.source.c_str(), &info) != 0)
    return system_error(errno, "cannot read " + printable(options.source));
  if (options.source == "-" || !S_ISDIR(info.st_mode))
    return std::unique_ptr<TreeSource>(TRY(TarSource::open(options.source)));
  DirectorySource::Options how;
  how.repository = repository.directory();
  return std::unique_ptr<TreeSource>(TRY(DirectorySource::open(options.source, how)));
}

Result<std::unique_ptr<Catalog>> open_catalog(const std::optional<Statement>& statement, ObjectReader& objects) {
  if (!statement) return std::unique_ptr<Catalog>();
  return TRY(Catalog::open(statement->catalog, objects));
}

std::optional<Statement> current_statement(const RepositoryState& state, const std::string& branch) {
  auto found = state.branch(branch);
  return found ? std::optional(std::move(*found)) : std::nullopt;
}

std::vector<Envelope> notes_of(const Names& names, const SnapshotId& snapshot) {
  const auto found = names.notes.find(snapshot);
  return found == names.notes.end() ? std::vector<Envelope>() : found->second;
}

std::optional<SnapshotId> snapshot_of(const std::optional<Statement>& statement) {
  return statement ? std::optional(statement->snapshot) : std::nullopt;
}

Status check_request(const RepositoryState& state, const PublishOptions& options) {
  TRY(check_ref_name(options.branch));
  TRY(check_encoding(options.encoding));
  if (options.tag.empty()) return Done{};
  TRY(check_ref_name(options.tag));
  if (!state.names.tags.contains(options.tag)) return Done{};
  return Error{Code::kInvalid,
               str("tag ", options.tag, " exists already, and a tag is never re-pointed: choose another name")};
}

// Below which paths our release key may change the branch; "" is everywhere.
Result<std::vector<Bytes>> allowed_paths(const Repository& repository, const RepositoryState& state,
                                         const std::string& branch) {
  const Signers release = TRY(KeyDirectory(repository.keys_directory()).load_release());
  const Signers none;
  return HeadWriter(state.root, release, none).allowed_paths(branch);
}

// A key that is limited to paths is refused here, with the path, before anything is committed.
Status check_allowed(const std::vector<Bytes>& allowed, const std::string& branch, const ChangeSet& changes) {
  for (const Change& change : changes.changes) {
    const bool inside =
        std::any_of(allowed.begin(), allowed.end(), [&](const Bytes& top) { return is_at_or_below(change.path, top); });
    const bool above =
        std::any_of(allowed.begin(), allowed.end(), [&](const Bytes& top) { return is_at_or_below(top, change.path); });
    const bool just_time =
        above && change.kind == Change::Kind::kPut && change.node.is_directory();  // clients check that it is no more
    if (!inside && !just_time)
      return Error{Code::kUntrusted,
                   str("the release key may not change /", printable(change.path), " on branch ", branch)};
  }
  return Done{};
}

// Commits one change set; see publish_changes.
class Publication {
 public:
  Publication(Repository& repository, const PublishOptions& options, const ChangeSet& ours,
              const std::optional<Statement>& base, const StoredContents& stored)
      : repository_(repository), options_(options), ours_(ours), base_(base), stored_(stored) {
    published_.branch = options.branch;
  }

  // Builds on what the branch is, and starts anew on what it has become whenever somebody else was faster.
  Result<Published> run() {
    for (;;) {
      const RepositoryState state = TRY(repository_.read());
      const std::optional<Statement> theirs = current_statement(state, options_.branch);
      TRY(build(state, theirs, theirs ? theirs : options_.start));
      if (theirs && published_.tree == theirs->tree && !was_packed_anew_) return TRY(conclude_unchanged(*theirs));
      if (!TRY(swap(state, theirs))) continue;
      note_in_index();
      return published_;
    }
  }

 private:
  // `ground`: what the changes are applied to; `theirs`, unless the branch begins as another's snapshot.
  Status build(const RepositoryState& state, const std::optional<Statement>& theirs,
               const std::optional<Statement>& ground) {
    staging_ = TRY(Staging::begin(repository_.directory()));
    ObjectPipeline writer(*staging_, options_.encoding, jobs_of(options_));
    const ChangeSet changes = TRY(changes_for(ground, writer));
    const std::vector<Bytes> allowed = TRY(allowed_paths(repository_, state, options_.branch));
    TRY(check_allowed(allowed, options_.branch, changes));

    const std::optional<CatalogId> catalog = ground ? std::optional(ground->catalog) : std::nullopt;
    const auto editor = TRY(CatalogEditor::open(catalog, writer, state.record.next_inode, staging_->scratch()));
    TRY(editor->apply(changes));
    const bool is_limited = std::find(allowed.begin(), allowed.end(), "") == allowed.end();
    if (stored_.index != nullptr) TRY(repack_some(ground, changes, is_limited, writer, *editor));
    const auto finished = TRY(editor->finish(writer));
    next_inode_ = finished.next_inode;
    published_.tree = finished.tree;
    published_.catalog = finished.catalog;
    published_.entries = finished.entries;
    published_.bytes = finished.bytes;
    published_.changes = changes.changes.size();
    published_.snapshot = TRY(writer.write(snapshot(state, theirs).serialise()));
    TRY(writer.flush());
    published_.new_objects = writer.counters().new_objects;
    published_.new_bytes = writer.counters().new_bytes;
    TRY(plan_profiles(state, theirs));
    return staging_->commit();
  }

  // Those of the snapshot before, and the one that was asked for.
  Status plan_profiles(const RepositoryState& state, const std::optional<Statement>& theirs) {
    published_.profiles.clear();
    if (theirs) published_.profiles = carry_profiles(state, theirs->snapshot, published_.catalog, *staging_);
    if (!options_.trace || options_.profile.empty()) return Done{};
    std::erase_if(published_.profiles,
                  [&](const CarriedProfile& other) { return other.note.name == options_.profile; });
    published_.profiles.push_back(plan_profile(options_.profile, *options_.trace, published_.catalog, *staging_));
    return Done{};
  }

  // Keeps small files together, within a budget that goes by what the publish brings.
  // A key that is limited to paths leaves alone what lies elsewhere.
  Status repack_some(const std::optional<Statement>& ground, const ChangeSet& changes, bool is_limited,
                     ObjectPipeline& writer, CatalogEditor& editor) {
    if (!options_.repack) return Done{};
    const auto catalog = TRY(open_catalog(ground, writer));
    packs_ = TRY(LivePacks::load(*stored_.index, options_.branch, catalog.get()));
    TRY(packs_->apply(changes, catalog.get()));
    moved_.clear();
    if (catalog && !is_limited && stored_.trace != nullptr)
      moved_ = TRY(repack_touched(*catalog, changes, *stored_.trace, *packs_, writer, writer, editor));
    was_packed_anew_ = !moved_.empty();
    if (catalog && !is_limited && stored_.trace == nullptr)
      moved_ =
          TRY(repack(*catalog, changes, *packs_, writer, writer, editor, repack_budget_bytes(stored_.plain_bytes)));
    return Done{};
  }

  // The index holds hints only: that it cannot be written fails no publish.
  void note_in_index() {
    if (stored_.index == nullptr) return;
    const auto note = [&]() -> Status {
      if (!published_.merged) TRY(stored_.index->note_commit(ours_, published_.catalog));
      for (const MovedContent& one : moved_) TRY(stored_.index->replace(one.digest, one.size_bytes, one.slices));
      return packs_ ? packs_->save(published_.catalog) : Status(Done{});
    };
    if (const Status noted = note(); !noted) log::warn("publish index-not-written", {{"cause", noted.error().message}});
  }

  Result<ChangeSet> changes_for(const std::optional<Statement>& theirs, ObjectReader& objects) {
    if (snapshot_of(theirs) == snapshot_of(base_)) return ours_;
    if (!base_ || !theirs)
      return Error{Code::kConflict, str("branch ", options_.branch, " was ", theirs ? "made" : "removed",
                                        " by somebody else meanwhile: nothing was published")};
    const auto base = TRY(open_catalog(base_, objects));
    const auto newest = TRY(open_catalog(theirs, objects));
    Merge merge = TRY(merge_changes(ours_, *base, *newest));
    if (!merge.conflicts.empty()) return conflict(merge.conflicts);
    published_.merged = true;
    return std::move(merge.replay);
  }

  Error conflict(const std::vector<std::string>& conflicts) const {
    constexpr size_t kShown = 20;
    std::string message =
        str("branch ", options_.branch,
            " was changed by another publisher in the same places; nothing was published, nothing is lost:");
    for (size_t i = 0; i < std::min(conflicts.size(), kShown); ++i) message += "\n  " + conflicts[i];
    if (conflicts.size() > kShown) message += str("\n  and ", conflicts.size() - kShown, " more");
    return {Code::kConflict, message + "\nlook at `granary diff`, then publish again on top of it"};
  }

  Snapshot snapshot(const RepositoryState& state, const std::optional<Statement>& theirs) const {
    Snapshot snapshot;
    snapshot.repository = state.record.repository;
    snapshot.tree = published_.tree;
    snapshot.catalog = published_.catalog;
    if (theirs) snapshot.parents.push_back(theirs->snapshot);
    snapshot.time = Clock::system().now();
    snapshot.branch = options_.branch;
    snapshot.message = options_.message;
    snapshot.entries = published_.entries;
    snapshot.bytes = published_.bytes;
    return snapshot;
  }

  Statement statement(Statement::Kind kind, const std::string& name) const {
    Statement statement;
    statement.kind = kind;
    statement.name = name;
    statement.branch = options_.branch;
    statement.snapshot = published_.snapshot;
    statement.tree = published_.tree;
    statement.catalog = published_.catalog;
    return statement;
  }

  // False when the head moved while we were building: nothing happened.
  Result<bool> swap(const RepositoryState& built_on, const std::optional<Statement>& theirs) {
    bool moved = false;
    const auto committed = repository_.commit([&](const RepositoryState& now, Repository::Draft& draft) -> Status {
      moved = snapshot_of(current_statement(now, options_.branch)) != snapshot_of(theirs) ||
              now.record.next_inode != built_on.record.next_inode ||
              (theirs && notes_of(now.names, theirs->snapshot) != notes_of(built_on.names, theirs->snapshot));
      if (moved) return Error{Code::kConflict, "the head moved"};
      TRY(check_request(now, options_));
      if (!theirs && options_.start) TRY(check_still_kept(repository_, now, options_.start->snapshot));
      if (stored_.staging != nullptr) TRY(stored_.staging->confirm());
      TRY(staging_->confirm());
      draft.next.next_inode = next_inode_;
      draft.next.action = action();
      TRY(draft.release(statement(Statement::Kind::kBranch, options_.branch)));
      if (!options_.tag.empty()) TRY(draft.release(statement(Statement::Kind::kTag, options_.tag)));
      TRY(attach_carried(published_.profiles, published_.snapshot, draft));
      return theirs ? let_go_of_carried(repository_, theirs->snapshot, draft) : Status(Done{});
    });
    if (moved) return false;
    if (!committed) return committed.error();
    published_.revision = committed->record.revision;
    published_.changed = true;
    return true;
  }

  JsonValue::Object action() const {
    JsonValue::Object action{{"do", "publish"}, {"branch", options_.branch}, {"snapshot", published_.snapshot.hex()}};
    if (!options_.tag.empty()) action.emplace("tag", options_.tag);
    return action;
  }

  // The branch is like this already: no new snapshot, but a tag may be wished for.
  Result<Published> conclude_unchanged(const Statement& theirs) {
    published_.snapshot = theirs.snapshot;
    published_.catalog = theirs.catalog;
    published_.new_objects = published_.new_bytes = 0;
    published_.profiles.clear();
    if (options_.trace && !options_.profile.empty()) {
      const AttachedProfile attached =
          TRY(attach_profile(repository_, theirs.snapshot, options_.profile, *options_.trace));
      published_.profiles.push_back({attached.note, attached.touches, attached.kept, {}});
    }
    if (options_.tag.empty()) {
      published_.revision = TRY(repository_.read()).record.revision;
      return published_;
    }
    const auto committed = TRY(repository_.commit([&](const RepositoryState& now, Repository::Draft& draft) -> Status {
      TRY(check_request(now, options_));
      draft.next.action = {{"do", "tag"}, {"tag", options_.tag}, {"snapshot", published_.snapshot.hex()}};
      return draft.release(statement(Statement::Kind::kTag, options_.tag));
    }));
    published_.revision = committed.record.revision;
    return published_;
  }

  Repository& repository_;
  const PublishOptions& options_;
  const ChangeSet& ours_;
  const std::optional<Statement>& base_;
  const StoredContents stored_;

  std::unique_ptr<Staging> staging_;  // of the catalog and the snapshot
  InodeNumber next_inode_ = 0;
  std::optional<LivePacks> packs_;
  std::vector<MovedContent> moved_;  // by re-packing
  bool was_packed_anew_ = false;     // for a profile: worth a snapshot, though the tree be the same
  Published published_;
};

std::function<void(const ReadCounters&)> reading_progress(const OnProgress& on_progress) {
  if (!on_progress) return {};
  return [&on_progress](const ReadCounters& counters) {
    on_progress({counters.entries, counters.bytes_read, "reading"});
  };
}
}  // namespace

namespace {
// What is to be packed together; nothing unless that was asked for.
Result<std::optional<Trace>> find_trace(Repository& repository, const RepositoryState& state,
                                        const PublishOptions& options, const std::optional<Statement>& base) {
  if (!options.profile.empty()) TRY(check_profile_name(options.profile));
  if (options.trace) {
    TRY(check_trace(repository, state, *options.trace));
    return options.trace;
  }
  if (options.profile.empty()) return std::optional<Trace>();
  if (!base)
    return Error{Code::kNotFound, str("branch ", options.branch, " has no snapshot yet, and so no profile ",
                                      options.profile, ": name a trace")};
  const VerifiedProfile profile = TRY(find_profile(state.root, state.names, base->snapshot, options.profile));
  return std::optional(TRY(trace_of(profile.note, repository.objects())));
}

// One try; `is_in_vain` when garbage collection removed for good what the publish had relied on.
Result<Published> publish_once(Repository& repository, const PublishOptions& options, const OnProgress& on_progress,
                               bool& is_in_vain) {
  const RepositoryState state = TRY(repository.read());
  TRY(check_request(state, options));
  const std::optional<Statement> base = current_statement(state, options.branch);
  const std::optional<Trace> trace = TRY(find_trace(repository, state, options, base));
  const PackOrder together = trace ? order_of(*trace) : PackOrder();
  const auto source = TRY(open_source(repository, options));

  const auto staging = TRY(Staging::begin(repository.directory()));
  ObjectPipeline writer(*staging, options.encoding, jobs_of(options));
  const auto base_catalog = TRY(open_catalog(base, writer));
  const auto index = TRY(ContentIndex::open(repository.private_path("index"), *staging, staging->scratch()));
  if (base_catalog) TRY(index->prepare(*base_catalog));
  const IngestOptions how{jobs_of(options), options.subpath, reading_progress(on_progress), &together};
  StatCache* const stats = options.checksum ? nullptr : index.get();
  const Ingested ingested = TRY(ingest(*source, writer, index.get(), stats, base_catalog.get(), how));
  if (on_progress) on_progress({ingested.counters.entries, ingested.counters.bytes_read, "committing"});
  TRY(staging->commit());

  const StoredContents stored{staging.get(), index.get(), writer.counters().new_plain_bytes, trace ? &*trace : nullptr};
  auto done = Publication(repository, options, ingested.changes, base, stored).run();
  is_in_vain = staging->has_lost();
  Published published = TRY(std::move(done));
  published.files_read = ingested.counters.files_read;
  published.files_recognised = ingested.counters.files_recognised;
  published.new_objects += writer.counters().new_objects;
  published.new_bytes += writer.counters().new_bytes;
  return published;
}
}  // namespace

Result<Published> publish(Repository& repository, const PublishOptions& options, const OnProgress& on_progress) {
  constexpr int kTries = 3;
  for (int tries = 1;; ++tries) {
    bool is_in_vain = false;
    auto published = publish_once(repository, options, on_progress, is_in_vain);
    const bool can_read_again = options.source != "-";
    if (published || !is_in_vain || !can_read_again || tries == kTries) return published;
  }
}

Result<Published> publish_changes(Repository& repository, const PublishOptions& options, const ChangeSet& changes,
                                  const std::optional<Statement>& base, const StoredContents& stored) {
  return Publication(repository, options, changes, base, stored).run();
}

}  // namespace granary
