#include "server/profiles.h"

#include <set>

#include "server/refs.h"

namespace granary {

Status check_trace(Repository& repository, const RepositoryState& state, const Trace& trace) {
  if (trace.repository != state.record.repository)
    return Error{Code::kWrongRepository,
                 str("the trace was recorded on repository ", trace.repository, "; this is ", state.record.name, " (",
                     state.record.repository, "): attach it there, or record one here")};
  if (const auto base = repository.snapshot(trace.snapshot); !base && base.error().code == Code::kNotFound)
    return Error{Code::kInvalid,
                 str("the trace was recorded on snapshot ", trace.snapshot.brief(),
                     ", which is not in this repository, or no longer: record it on one that `granary log` shows")};
  return Done{};
}

namespace {
ObjectId put(Staging& staging, const Bytes& plain, Status& outcome) {
  const ObjectId id = Digest::of(plain);
  if (outcome) outcome = staging.put(id, encode_object(plain, {}));
  return id;
}

// The note for a plan; plan and trace are put into `staging`. Snapshot, repository and time are filled in later.
Result<ProfileNote> stage(const std::string& name, const Trace& trace, const Plan& plan, Staging& staging) {
  ProfileNote note;
  Status outcome = Done{};
  note.name = name;
  note.base = trace.snapshot;
  note.trace = put(staging, trace.serialise(), outcome);
  note.plan = put(staging, encode_plan(plan), outcome);
  note.objects = plan.objects.size();
  note.bytes = plan.total_bytes();
  TRY(std::move(outcome));
  return note;
}
}  // namespace

Result<AttachedProfile> attach_profile(Repository& repository, const SnapshotId& id, const std::string& name,
                                       const Trace& trace) {
  TRY(check_profile_name(name));
  TRY(check_trace(repository, TRY(repository.read()), trace));
  const Snapshot snapshot = TRY(repository.snapshot(id));
  const PlannedProfile planned = TRY(make_plan(trace, snapshot.catalog, repository.store()));
  const auto staging = TRY(Staging::begin(repository.directory()));
  AttachedProfile attached;
  attached.note = TRY(stage(name, trace, planned.plan, *staging));
  attached.note.snapshot = id;
  TRY(staging->commit());
  const RepositoryState state =
      TRY(repository.commit([&](const RepositoryState& now, Repository::Draft& draft) -> Status {
        TRY(check_still_kept(repository, now, id));
        TRY(staging->confirm());
        attached.replaced = detach_profiles(draft.names, id, name) > 0;
        draft.next.action = {{"do", "note"}, {"profile", name}, {"snapshot", id.hex()}};
        return draft.attach(attached.note);
      }));
  attached.note.repository = state.record.repository;
  attached.note.time = state.record.time;
  attached.revision = state.record.revision;
  attached.touches = planned.touches;
  attached.kept = planned.kept;
  attached.moved = planned.moved;
  return attached;
}

Result<RepositoryState> detach_profile(Repository& repository, const SnapshotId& id, const std::string& name) {
  TRY(check_profile_name(name));
  return repository.commit([&](const RepositoryState& now, Repository::Draft& draft) -> Status {
    if (detach_profiles(draft.names, id, name) == 0) TRY(find_profile(now.root, now.names, id, name));
    draft.next.action = {{"do", "detach"}, {"profile", name}, {"snapshot", id.hex()}};
    return Done{};
  });
}

Result<Trace> trace_of(const ProfileNote& note, ObjectReader& objects) {
  const std::string what = "the trace of profile " + note.name;
  const SharedBytes object = TRY_WITHIN(what, objects.read(note.trace));
  return TRY_WITHIN(what, Trace::parse(*object));
}

namespace {
Result<CarriedProfile> try_to_plan(const std::string& name, const Trace& trace, const CatalogId& catalog,
                                   Staging& staging) {
  const PlannedProfile planned = TRY(make_plan(trace, catalog, staging));
  return CarriedProfile{TRY(stage(name, trace, planned.plan, staging)), planned.touches, planned.kept, {}};
}

CarriedProfile left_out(const std::string& name, const Error& why) {
  CarriedProfile profile;
  profile.note.name = name;
  profile.left_out = why.message;
  return profile;
}
}  // namespace

CarriedProfile plan_profile(const std::string& name, const Trace& trace, const CatalogId& catalog, Staging& staging) {
  Result<CarriedProfile> planned = try_to_plan(name, trace, catalog, staging);
  return planned ? *std::move(planned) : left_out(name, planned.error());
}

std::vector<CarriedProfile> carry_profiles(const RepositoryState& state, const SnapshotId& from,
                                           const CatalogId& catalog, Staging& staging) {
  StoreReader objects(staging);
  std::vector<CarriedProfile> carried;
  for (const auto& [name, profile] : profiles_of(state.root, state.names, from).by_name) {
    const Result<Trace> trace = trace_of(profile.note, objects);
    carried.push_back(trace ? plan_profile(name, *trace, catalog, staging) : left_out(name, trace.error()));
  }
  return carried;
}

Status attach_carried(const std::vector<CarriedProfile>& carried, const SnapshotId& to, Repository::Draft& draft) {
  for (const CarriedProfile& profile : carried) {
    if (!profile.left_out.empty()) continue;
    ProfileNote note = profile.note;
    note.snapshot = to;
    TRY(draft.attach(note));
  }
  return Done{};
}

namespace {
bool is_profile(const Envelope& envelope) { return ProfileNote::parse(envelope.payload).has_value(); }
// Recorded on another snapshot: it may come from the publisher, who can make it again.
bool is_carried(const Envelope& envelope) {
  const auto note = ProfileNote::parse(envelope.payload);
  return note && note->base != note->snapshot;
}

Result<std::set<SnapshotId>> named_snapshots(const Repository::Draft& draft) {
  std::set<SnapshotId> named;
  for (const auto* statements : {&draft.next.branches, &draft.names.tags}) {
    for (const auto& [name, envelope] : *statements) named.insert(TRY(Statement::parse(envelope.payload)).snapshot);
  }
  return named;
}

// The snapshots with notes that `newest` descends from and that lie far back.
std::vector<SnapshotId> far_back(Repository& repository, SnapshotId at, const Names& names) {
  std::vector<SnapshotId> found;
  for (size_t generation = 0; generation < 4 * kGenerationsWithCarried; ++generation) {
    if (generation >= kGenerationsWithCarried && names.notes.contains(at)) found.push_back(at);
    const auto snapshot = repository.snapshot(at);
    if (!snapshot || snapshot->parents.empty()) break;
    at = snapshot->parents.front();
  }
  return found;
}
}  // namespace

Status let_go_of_carried(Repository& repository, const SnapshotId& newest, Repository::Draft& draft) {
  auto& notes = draft.names.notes;
  const std::set<SnapshotId> named = TRY(named_snapshots(draft));
  for (const SnapshotId& id : far_back(repository, newest, draft.names)) {
    if (!named.contains(id)) std::erase_if(notes.at(id), is_carried);
  }
  for (auto& [id, envelopes] : notes) {
    if (!TRY(repository.store().has(id))) std::erase_if(envelopes, is_profile);
  }
  std::erase_if(notes, [](const auto& item) { return item.second.empty(); });
  return Done{};
}

}  // namespace granary
