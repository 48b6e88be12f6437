// Filesystem: answers the kernel's requests from the snapshots that are served. The only place that knows errno.
// Nothing is kept per open file or directory: inode numbers mean the same to every process that mounts the snapshot.
// Each turn is answered from one snapshot throughout.
//
// A thread that answers the kernel never waits for the network. A request that misses a part of the catalog is parked,
// and gets another turn, from its beginning, when that part has arrived; so does a read with the bytes of its file.
// Whatever is parked can be interrupted. Safe from many threads. Borrows everything. Nothing may be parked when it
// goes.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "fs/client/mount_status.h"
#include "fs/client/served_snapshots.h"
#include "fs/client/without_waiting.h"
#include "fs/fuse/identity_map.h"
#include "fs/fuse/lowlevel.h"
#include "fs/fuse/parked_requests.h"
#include "fs/net/worker_pool.h"

namespace granary {

class Filesystem {
 public:
  struct Options {
    bool acl = true;  // the kernel enforces POSIX ACLs
    Identities identities{};
  };
  Filesystem(ServedSnapshots& snapshots, const MountStatus& status, RequestWatch& watch, Options options);

  // For fuse_session_new, with `this` as user data.
  static const fuse_lowlevel_ops& operations();

  ParkedRequests& parked() { return *parked_; }

 private:
  struct Calls;

  // What became of a turn. kWaits: nothing has been answered; a part of the catalog is on its way.
  enum class Turn { kOver, kWaits };
  using Again = std::function<Turn()>;

  // Gives the request its first turn, which is a call of `operation`. What it needs for others is copied only then.
  template <class... Parameters, class... Arguments>
  void answer(fuse_req_t request, Turn (Filesystem::*operation)(fuse_req_t, InodeNumber, Parameters...),
              InodeNumber inode, Arguments... arguments);
  void wait_and_try(fuse_req_t request, InodeNumber inode, WithoutWaiting::Arrivals waited_for, Again again);
  void take_turn(fuse_req_t request, InodeNumber inode, const WithoutWaiting::Arrivals& waited_for, const Again& again);
  // Nothing when the request was interrupted already, and answered.
  std::optional<ParkedRequests::Ticket> park(fuse_req_t request, InodeNumber inode);

  void init(fuse_conn_info& connection);
  void open(fuse_req_t request, fuse_file_info* file);
  void opendir(fuse_req_t request, fuse_file_info* file);
  void statfs(fuse_req_t request);
  Turn lookup(fuse_req_t request, InodeNumber directory, std::string_view name);
  Turn getattr(fuse_req_t request, InodeNumber inode);
  Turn readlink(fuse_req_t request, InodeNumber inode);
  Turn read(fuse_req_t request, InodeNumber inode, size_t size, off_t offset);
  enum class Listing { kPlain, kPlus };
  Turn readdir(fuse_req_t request, InodeNumber directory, size_t size, off_t offset, Listing listing);
  Turn getxattr(fuse_req_t request, InodeNumber inode, std::string_view name, size_t size);
  Turn listxattr(fuse_req_t request, InodeNumber inode, size_t size);
  Turn lseek(fuse_req_t request, InodeNumber inode, off_t offset, int whence);

  static Turn refuse(fuse_req_t request, const Error& error);
  static Turn refuse_inode(fuse_req_t request, const Error& error);
  static Turn reply_sized(fuse_req_t request, ByteView value, size_t size);

  Result<struct stat> stat_of(const Row& row, MountedSnapshot& in);
  Result<std::optional<Bytes>> own_xattr(const ServedSnapshots::Located& of, std::string_view key);

  ServedSnapshots& snapshots_;
  const MountStatus& status_;
  RequestWatch& watch_;
  const Options options_;
  const std::shared_ptr<ParkedRequests> parked_;  // outlives us with those who bring what nobody waits for any more
  bool stateless_open_ = false;
  bool stateless_opendir_ = false;
  WorkerPool turns_;  // last: its jobs use the others
};

}  // namespace granary
