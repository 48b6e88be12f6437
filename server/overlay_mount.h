// Mounting a snapshot of a repository at hand, and an overlay over it whose upper layer takes every change: what a
// transaction and a cook have in common. The snapshot is mounted by the mount program, read-only, through the
// repository's own cache. Needs root (overlayfs); whoever must leave nothing behind calls these in a mount namespace of
// its own.
#pragma once

#include <string>
#include <vector>

#include "server/publisher.h"

namespace granary {

//   kNotFound  there is no such mount program
Status mount_snapshot(const Repository& repository, const SnapshotId& snapshot, const std::string& mountpoint,
                      const std::string& mount_program);

struct OverlayPlace {
  std::string directory;                        // holds `upper` and `work`
  std::string mountpoint;                       // where the merged tree appears
  bool is_lasting = false;                      // the upper layer survives a power cut, not only a killed process
  std::vector<std::string> lowers = {"lower"};  // below `directory` or beside it; the highest first
  // A hard link of a lower layer that is written to stays one. An upper layer that was mounted so wants the very same
  // lower layers ever after.
  bool keeps_links = true;
};
// The upper layer must be on a file system that overlayfs takes as one: not on another overlay, nor on NFS.
Status mount_overlay(const OverlayPlace& place);

// Makes `lower`, `upper` and `work` in `directory`; the upper layer's own attributes are those of the catalog's root,
// because the merged root shows them.
Status lay_overlay(const std::string& directory, Catalog& lower);

bool is_mounted(const std::string& path);
// Nothing mounted there is a success.
//   kBusy  somebody works there: the message says how to find out who
Status unmount(const std::string& path);

// Publishes an upper layer, and nothing but what it holds, as changes to `base`. The overlay must not be mounted
// any more.
//   as publish
Result<Published> publish_overlay(Repository& repository, const PublishOptions& options, const std::string& upper,
                                  const Statement& base);

}  // namespace granary
