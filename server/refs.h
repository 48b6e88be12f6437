// Branches, tags and withdrawals: made, moved and removed. Every change is one commit, signed by the release keys at
// hand.
#pragma once

#include <string>

#include "server/profiles.h"
#include "server/repository.h"

namespace granary {

// Under the commit lock: kInvalid when no branch or tag keeps the snapshot any more, so that it may be garbage already.
Status check_still_kept(Repository& repository, const RepositoryState& now, const SnapshotId& id);

// A new branch that starts at `snapshot`. kInvalid when the name is taken, or nothing keeps the snapshot any more.
Result<RepositoryState> create_branch(Repository& repository, const std::string& name, const SnapshotId& snapshot);

// Removes a branch whose snapshots are all reached by another branch or a tag.
//   kConflict  they are not: garbage collection would take what machines may have pinned
Result<RepositoryState> delete_branch(Repository& repository, const std::string& name);

// A name that stands for `snapshot` for ever. kInvalid as above.
Result<RepositoryState> create_tag(Repository& repository, const std::string& name, const SnapshotId& snapshot);

// Says, for all to see, that a snapshot should not be used any more. Nothing is removed: clients refuse it with the
// reason, unless told to have it all the same.
//   kInvalid  withdrawn already, or without a reason
Result<RepositoryState> withdraw(Repository& repository, const SnapshotId& snapshot, const std::string& reason);

// Makes `branch` what it was at `snapshot`, as a new snapshot on top of the newest: nothing is forgotten, revisions
// only rise.
// Profiles of both are carried over; of one name, the old snapshot's.
struct RolledBack {
  RepositoryState state;
  SnapshotId snapshot;
  std::vector<CarriedProfile> profiles;
};
//   kInvalid  the branch is like that already
Result<RolledBack> roll_back(Repository& repository, const std::string& branch, const SnapshotId& snapshot,
                             const std::string& message);

// `branch`, made if it is not there, becomes the tree of a snapshot of any branch: as a new snapshot on top of its
// newest, made of the same catalog, so that nothing is read. A tag may be given along.
struct Adopted {
  SnapshotId snapshot;
  Digest tree;
  uint64_t revision = 0;
  bool changed = false;  // false: the branch was like that already, and its newest snapshot is the one
};
//   kInvalid  the tag stands for another snapshot already, or nothing keeps the snapshot any more
Result<Adopted> adopt_snapshot(Repository& repository, const std::string& branch, const std::string& tag,
                               const SnapshotId& snapshot, const std::string& message);

}  // namespace granary
