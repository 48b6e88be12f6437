// The tree: the snapshot mounted by the mount program, which runs in the lasting root and outlives the switch. Which
// trust holds, what the mount program is told, and what its answers mean to a machine that starts.
#pragma once

#include <string>
#include <vector>

#include "fs/base/result.h"
#include "fs/base/time.h"
#include "initramfs/machine.h"
#include "initramfs/settings.h"

namespace granary {

// A trust file of the image.
struct ImageTrust {
  std::string name, path;  // "os", "/run/initramfs/etc/granary/trust/os.trust"
  std::string repository;  // the UUID in it
};
// The one that the settings name, or the only one.
//   kBadTrustFile  none, several, or a damaged one: what to say is in the message
Result<ImageTrust> choose_trust(const Settings& settings, const std::string& folder);

struct TreeRequest {
  ImageTrust trust;
  std::string snapshot;  // empty: what the settings ask for
  uint64_t quota_bytes = 0;
  bool time_is_trusted = false;
  UnixSeconds time_floor = 0;
};

// "branch main", "tag v1" or "snapshot ID", after the repository's UUID: what a pin belongs to.
std::string asked_for(const Settings& settings, const ImageTrust& trust);
// Of the writable layer: the repository's UUID and the branch, as a file name.
std::string lineage_of(const Settings& settings, const ImageTrust& trust);

// The mount program's command line, seen from inside the lasting root.
std::vector<std::string> mount_words(const Settings& settings, const TreeRequest& request);

// Mounts at paths::kTree, and says in `machine` what was mounted.
//   kUnavailable                   worth a retry
//   kUntrusted, kExpired, kWrongRepository …  no: the message says what it means and what can be done
Status mount_tree(const Settings& settings, const TreeRequest& request, StartedMachine& machine);
void unmount_tree();

// What a failed mount program means; `status` is its exit status, `said` the end of its standard error.
Error mount_error(int status, const std::string& said);

}  // namespace granary
