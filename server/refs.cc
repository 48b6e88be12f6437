#include "server/refs.h"

#include "fs/format/identifiers.h"
#include "server/history.h"
#include "server/staging.h"

namespace granary {

namespace {
Statement statement_for(Statement::Kind kind, const std::string& name, const std::string& branch, const SnapshotId& id,
                        const Snapshot& snapshot) {
  Statement statement;
  statement.kind = kind;
  statement.name = name;
  statement.branch = branch;
  statement.snapshot = id;
  statement.tree = snapshot.tree;
  statement.catalog = snapshot.catalog;
  return statement;
}

// What is reached whatever a retention says; what one has let go already ends the walk.
Status add_all(const KeptName& name, History& history) {
  return history.add(name, {}, {}, [](const SnapshotId&, const std::string&, const Error& error) -> Status {
    if (error.code == Code::kNotFound) return Done{};
    return error;
  });
}

Status check_reached_elsewhere(Repository& repository, const RepositoryState& now, const std::string& branch) {
  History here(repository.objects(), Clock::system().now()), elsewhere(repository.objects(), Clock::system().now());
  const std::string leaving = "branch " + branch;
  for (const KeptName& name : TRY(kept_names(now.record, now.names))) {
    if (name.what != "the base of " + leaving) TRY(add_all(name, name.what == leaving ? here : elsewhere));
  }
  for (const auto& [id, found] : here.found()) {
    if (elsewhere.found().contains(id)) continue;
    return Error{Code::kConflict,
                 str("cannot remove branch ", branch, ": nothing else reaches snapshot ", id.brief(),
                     ", and a machine may have pinned it: tag what shall stay, and let `granary gc --keep ", branch,
                     "=N` announce the rest")};
  }
  return Done{};
}
}  // namespace

Status check_still_kept(Repository& repository, const RepositoryState& now, const SnapshotId& id) {
  History history(repository.objects(), Clock::system().now());
  const auto go_on = [](const SnapshotId&, const std::string&, const Error&) -> Status { return Done{}; };
  for (const KeptName& name : TRY(kept_names(now.record, now.names))) TRY(history.add(name, now.names, {}, go_on));
  if (history.found().contains(id)) return Done{};
  return Error{Code::kInvalid, str("nothing keeps snapshot ", id.brief(),
                                   " any more: a retention has let it go, or it was never published to the end")};
}

Result<RepositoryState> create_branch(Repository& repository, const std::string& name, const SnapshotId& id) {
  TRY(check_ref_name(name));
  const Snapshot snapshot = TRY(repository.snapshot(id));
  return repository.commit([&](const RepositoryState& now, Repository::Draft& draft) -> Status {
    if (now.record.branches.contains(name)) return Error{Code::kInvalid, str("branch ", name, " exists already")};
    TRY(check_still_kept(repository, now, id));
    draft.next.action = {{"do", "branch"}, {"branch", name}, {"snapshot", id.hex()}};
    return draft.release(statement_for(Statement::Kind::kBranch, name, name, id, snapshot));
  });
}

Result<RepositoryState> delete_branch(Repository& repository, const std::string& name) {
  return repository.commit([&](const RepositoryState& now, Repository::Draft& draft) -> Status {
    TRY(now.branch(name));
    TRY(check_reached_elsewhere(repository, now, name));
    draft.next.branches.erase(name);
    draft.next.action = {{"do", "delete-branch"}, {"branch", name}};
    return Done{};
  });
}

Result<RepositoryState> create_tag(Repository& repository, const std::string& name, const SnapshotId& id) {
  TRY(check_ref_name(name));
  const Snapshot snapshot = TRY(repository.snapshot(id));
  return repository.commit([&](const RepositoryState& now, Repository::Draft& draft) -> Status {
    if (now.names.tags.contains(name))
      return Error{Code::kInvalid,
                   str("tag ", name, " exists already, and a tag is never re-pointed: choose another name")};
    TRY(check_still_kept(repository, now, id));
    draft.next.action = {{"do", "tag"}, {"tag", name}, {"snapshot", id.hex()}};
    return draft.release(statement_for(Statement::Kind::kTag, name, snapshot.branch, id, snapshot));
  });
}

Result<RepositoryState> withdraw(Repository& repository, const SnapshotId& id, const std::string& reason) {
  if (reason.empty()) return Error{Code::kInvalid, "say why: the reason is what people will read"};
  TRY(repository.snapshot(id));
  return repository.commit([&](const RepositoryState& now, Repository::Draft& draft) -> Status {
    if (now.names.withdrawn.contains(id))
      return Error{Code::kInvalid, str("snapshot ", id.brief(), " was withdrawn already")};
    draft.names.withdrawn[id] = {reason, draft.next.time};
    draft.next.action = {{"do", "withdraw"}, {"snapshot", id.hex()}, {"reason", reason}};
    return Done{};
  });
}

Result<RolledBack> roll_back(Repository& repository, const std::string& branch, const SnapshotId& id,
                             const std::string& message) {
  const Snapshot old = TRY(repository.snapshot(id));
  RolledBack done;
  done.state = TRY(repository.commit([&](const RepositoryState& now, Repository::Draft& draft) -> Status {
    const Statement current = TRY(now.branch(branch));
    if (current.tree == old.tree)
      return Error{Code::kInvalid, str("branch ", branch, " is like snapshot ", id.brief(), " already")};
    Snapshot snapshot = old;
    snapshot.parents = {current.snapshot};
    snapshot.branch = branch;
    snapshot.time = Clock::system().now();
    snapshot.message = message.empty() ? "roll back to " + id.brief() : message;
    const Bytes plain = snapshot.serialise();
    done.snapshot = Digest::of(plain);
    const auto staging = TRY(Staging::begin(repository.directory()));
    TRY(staging->put(done.snapshot, encode_object(plain, {})));
    done.profiles = carry_profiles(now, current.snapshot, old.catalog, *staging);
    for (CarriedProfile& profile : carry_profiles(now, id, old.catalog, *staging)) {
      std::erase_if(done.profiles, [&](const CarriedProfile& other) { return other.note.name == profile.note.name; });
      done.profiles.push_back(std::move(profile));
    }
    TRY(staging->commit());
    draft.next.action = {{"do", "rollback"}, {"branch", branch}, {"snapshot", done.snapshot.hex()}, {"to", id.hex()}};
    TRY(draft.release(statement_for(Statement::Kind::kBranch, branch, branch, done.snapshot, snapshot)));
    return attach_carried(done.profiles, done.snapshot, draft);
  }));
  return done;
}

namespace {
// True when the tag is there and says this already.
Result<bool> is_tagged(const RepositoryState& now, const std::string& tag, const SnapshotId& id) {
  if (tag.empty()) return true;
  TRY(check_ref_name(tag));
  if (!now.names.tags.contains(tag)) return false;
  if (TRY(now.tag(tag)).snapshot == id) return true;
  return Error{Code::kInvalid, str("tag ", tag, " exists already, and a tag is never re-pointed: choose another name")};
}

// The snapshot object is stored; what its catalog consists of is kept by the one that is adopted.
Result<SnapshotId> store_snapshot(Repository& repository, const Snapshot& snapshot) {
  const Bytes plain = snapshot.serialise();
  const SnapshotId id = Digest::of(plain);
  const auto staging = TRY(Staging::begin(repository.directory()));
  TRY(staging->put(id, encode_object(plain, {})));
  TRY(staging->commit());
  return id;
}
}  // namespace

Result<Adopted> adopt_snapshot(Repository& repository, const std::string& branch, const std::string& tag,
                               const SnapshotId& id, const std::string& message) {
  TRY(check_ref_name(branch));
  const Snapshot old = TRY(repository.snapshot(id));
  Adopted adopted;
  adopted.tree = old.tree;
  const RepositoryState seen = TRY(repository.read());
  const auto newest = seen.branch(branch);
  if (newest && newest->tree == old.tree && TRY(is_tagged(seen, tag, newest->snapshot))) {
    adopted.snapshot = newest->snapshot;
    adopted.revision = seen.record.revision;
    return adopted;
  }
  const auto committed = TRY(repository.commit([&](const RepositoryState& now, Repository::Draft& draft) -> Status {
    TRY(check_still_kept(repository, now, id));
    const auto current = now.branch(branch);
    Snapshot snapshot = old;
    adopted.changed = !current || current->tree != old.tree;
    if (adopted.changed) {
      snapshot.parents = current ? std::vector{current->snapshot} : std::vector<SnapshotId>();
      snapshot.branch = branch;
      snapshot.time = Clock::system().now();
      snapshot.message = message;
      adopted.snapshot = TRY(store_snapshot(repository, snapshot));
      TRY(draft.release(statement_for(Statement::Kind::kBranch, branch, branch, adopted.snapshot, snapshot)));
    } else {
      adopted.snapshot = current->snapshot;
      snapshot = TRY(repository.snapshot(current->snapshot));
    }
    draft.next.action = {{"do", "publish"}, {"branch", branch}, {"snapshot", adopted.snapshot.hex()}};
    if (TRY(is_tagged(now, tag, adopted.snapshot))) return Done{};
    draft.next.action.emplace("tag", tag);
    return draft.release(statement_for(Statement::Kind::kTag, tag, branch, adopted.snapshot, snapshot));
  }));
  adopted.revision = committed.record.revision;
  return adopted;
}

}  // namespace granary
