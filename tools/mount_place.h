// MountPlace: a path inside a live mount, as `prefetch`, `pin` and `unpin` are given it.
#pragma once

#include <chrono>
#include <string>

#include "fs/base/bytes.h"
#include "fs/client/mount_client.h"

namespace granary {

struct MountPlace {
  MountPoint mount;
  Bytes path;  // relative to the mount's root, which is ""
};

// Symbolic links are followed: /mnt/bin may be /mnt/usr/bin.
//   kNotFound  there is no such path, or it is not inside a mount of Granary
Result<MountPlace> find_mount_place(const std::string& path);

// As find_mount, of a mount point or of a repository's name in the configuration, which then says where it is mounted.
Result<MountPoint> find_mount_or_name(const std::string& word);

// One question to the mount's process.
//   kUnavailable  it is gone, or does not answer
//   otherwise     what it answered
Result<std::string> ask_mount(const MountPoint& mount, const std::string& question);

// Whose cache it is, and which repository, as the mount itself says.
struct MountIdentity {
  std::string cache_directory;
  std::string repository;  // its UUID
};
Result<MountIdentity> identify_mount(const MountPoint& mount);

}  // namespace granary
