// Filesystem: answers the kernel's requests from a MountedSnapshot. The only place that knows errno.
// Nothing is kept per open file or directory: inode numbers mean the same to every process that mounts the snapshot.
// Safe from many threads. Borrows everything.
#pragma once

#include "fs/client/mount_status.h"
#include "fs/client/mounted_snapshot.h"
#include "fs/fuse/lowlevel.h"
#include "fs/fuse/parked_requests.h"

namespace granary {

class Filesystem {
 public:
  struct Options {
    bool acl = true;  // the kernel enforces POSIX ACLs
  };
  Filesystem(MountedSnapshot& snapshot, const MountStatus& status, Options options)
      : snapshot_(snapshot), status_(status), options_(options) {}

  // For fuse_session_new, with `this` as user data.
  static const fuse_lowlevel_ops& operations();

  ParkedRequests& parked() { return parked_; }

 private:
  struct Calls;

  void init(fuse_conn_info& connection);
  void lookup(fuse_req_t request, InodeNumber directory, const char* name);
  void getattr(fuse_req_t request, InodeNumber inode);
  void readlink(fuse_req_t request, InodeNumber inode);
  void open(fuse_req_t request, fuse_file_info* file);
  void opendir(fuse_req_t request, fuse_file_info* file);
  void read(fuse_req_t request, InodeNumber inode, size_t size, off_t offset);
  enum class Listing { kPlain, kPlus };
  void readdir(fuse_req_t request, InodeNumber directory, size_t size, off_t offset, Listing listing);
  void statfs(fuse_req_t request);
  void getxattr(fuse_req_t request, InodeNumber inode, const char* name, size_t size);
  void listxattr(fuse_req_t request, InodeNumber inode, size_t size);
  void lseek(fuse_req_t request, InodeNumber inode, off_t offset, int whence);

  Result<struct stat> stat_of(const Row& row);
  Result<std::optional<Bytes>> own_xattr(const Row& row, std::string_view key);

  MountedSnapshot& snapshot_;
  const MountStatus& status_;
  const Options options_;
  ParkedRequests parked_;
  bool stateless_open_ = false;
  bool stateless_opendir_ = false;
};

}  // namespace granary
