// recook: cooks a snapshot again from what was kept beside it, in a repository of its own that is thrown away, and
// compares: the test of whether an archive is worth its name (docs/preservation.md).
#pragma once

#include "builder/cook/cook.h"
#include "builder/cook/tree_comparison.h"

namespace granary {

struct RecookOptions {
  std::string cache;                  // where it is done; nothing cached there is used
  std::string mount_program;          // granary-mount
  bool offline = false;               // without any network, for the whole of it
  PackageSource* fallback = nullptr;  // asked for packages that were not kept; unused when offline
  InstallMode mode = InstallMode::kFast;
  size_t shown_differences = 1000;
  std::function<void(const CookProgress&)> on_progress = [](const CookProgress&) {};
};

struct Recooked {
  SnapshotId snapshot;
  Digest tree;   // as it was
  Digest again;  // as it came out now
  Digest lock;
  TreeComparison comparison;  // empty when identical
  std::vector<CookedLayer> layers;
  double seconds = 0;
  bool identical() const { return tree == again; }
};

// Signatures are verified with the kept keys, as of the lock's date.
//   kNotFound    nothing was kept, or not enough: the message says what is there and what is missing
//   kUntrusted   what was kept is not what the archives signed
//   kPermission  not root
//   else         as cook
Result<Recooked> recook(Repository& repository, const SnapshotId& snapshot, const RecookOptions& options);

}  // namespace granary
