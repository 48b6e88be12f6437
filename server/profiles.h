// Profiles of a repository (docs/format.md, 7.9): attached to snapshots, taken off again, and carried over to the
// snapshots that follow. Every change is one commit, signed by the release keys at hand.
#pragma once

#include <string>

#include "fs/format/profile.h"
#include "server/profile_planner.h"
#include "server/repository.h"
#include "server/staging.h"

namespace granary {

struct AttachedProfile {
  ProfileNote note;
  uint64_t revision = 0;
  uint64_t touches = 0, kept = 0, moved = 0;  // as PlannedProfile
  bool replaced = false;                      // another one of this name
};

// Plans `trace` for a snapshot and attaches it, in the place of an older profile of that name.
//   kWrongRepository  the trace was recorded on another repository
//   kInvalid          a bad name; recorded on a snapshot that is not here; nothing of it is left in this one; too large
Result<AttachedProfile> attach_profile(Repository& repository, const SnapshotId& snapshot, const std::string& name,
                                       const Trace& trace);

// kNotFound: the snapshot has no profile of that name, not even one that nobody believes.
Result<RepositoryState> detach_profile(Repository& repository, const SnapshotId& snapshot, const std::string& name);

// The trace that a profile was made from.
Result<Trace> trace_of(const ProfileNote& note, ObjectReader& objects);

// A profile on its way from one snapshot to the next.
struct CarriedProfile {
  ProfileNote note;  // for the next snapshot, not signed yet; its snapshot is to be filled in
  uint64_t touches = 0, kept = 0;
  std::string left_out;  // why it is not carried; empty: it is
};

// The errors of attach_profile about the trace itself.
Status check_trace(Repository& repository, const RepositoryState& state, const Trace& trace);

// What a trace is worth in a snapshot with this catalog. The plan is put into `staging`.
CarriedProfile plan_profile(const std::string& name, const Trace& trace, const CatalogId& catalog, Staging& staging);

// What becomes of the profiles of `from` in a snapshot with this catalog. Plans are put into `staging`. What cannot be
// planned is left out: a profile keeps nobody from publishing.
std::vector<CarriedProfile> carry_profiles(const RepositoryState& state, const SnapshotId& from,
                                           const CatalogId& catalog, Staging& staging);
// Attaches what was carried to `to`, within a commit.
Status attach_carried(const std::vector<CarriedProfile>& carried, const SnapshotId& to, Repository::Draft& draft);

// So many snapshots behind the newest keep profiles that were only carried to them.
inline constexpr size_t kGenerationsWithCarried = 16;
// Keeps the names from growing with every publish, within a commit: profiles that were carried to what now lies further
// back than that from `newest` are let go, unless a branch or tag names it; so are those of snapshots that garbage
// collection has removed. What somebody attached to a snapshot that is kept stays.
Status let_go_of_carried(Repository& repository, const SnapshotId& newest, Repository::Draft& draft);

}  // namespace granary
