// MountSession: the mount itself: tells the kernel, answers its requests on several threads, and lets go.
// Borrows the filesystem, which outlives it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "fs/client/mount_table.h"
#include "fs/fuse/lowlevel.h"
#include "fs/fuse/mount_options.h"

namespace granary {

class Filesystem;

// Before anything else is done: the directory exists and nothing lives there; a dead mount of ours is cleared away.
// Returns the path as the mount table will have it.
//   kNotFound, kInvalid  no such directory
//   kBusy                something is mounted there
//   kNoFuse              there is no /dev/fuse, or we may not use it
Result<std::string> prepare_mount_point(const std::string& path);

// Blocks the signals that end a mount in this thread and those it starts, or lets them through.
enum class EndingSignals { kBlocked, kLetThrough };
void set_ending_signals(EndingSignals how);

class MountSession {
 public:
  // Mounts, and returns once the mount answers. kPermission: the system, or fusermount3, does not allow it. `source` is
  // what the mount table shows. SIGTERM, SIGINT and SIGHUP are blocked in all threads by then (set_ending_signals):
  // `wait` takes them.
  static Result<std::unique_ptr<MountSession>> start(Filesystem& filesystem, const MountOptions& options,
                                                     const std::string& source, const std::string& mount_point);
  ~MountSession();  // unmounts, if need be

  // The mount as the table has it.
  const MountPoint& mount() const { return mount_; }
  // Returns when somebody has unmounted it, or, after a signal, when it has been detached and its last user is gone (or
  // a few seconds have passed, or a second signal came).
  // Meanwhile, twice a second, it calls `now_and_then`.
  void wait(const std::function<void()>& now_and_then);

 private:
  MountSession() = default;
  Status begin(Filesystem& filesystem, const MountOptions& options, const std::string& source);
  void detach() const;
  void stop_answering();

  std::string path_;
  MountPoint mount_;
  fuse_session* session_ = nullptr;
  std::thread loop_;
  int ended_ = -1;  // an eventfd: the loop is over
};

}  // namespace granary
