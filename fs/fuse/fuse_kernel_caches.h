// FuseKernelCaches: tells the kernel through a FUSE session what to forget (FUSE_NOTIFY_INVAL_ENTRY, _INODE).
//
// Forgetting a name takes the lock of its directory in the kernel, which whoever looks up a name there, or lists it,
// holds until we answer. So it waits first until no such request is parked: nobody queues behind us meanwhile, and no
// thread of ours sits in the kernel until the network answers. One thread. Borrows both.
#pragma once

#include "fs/client/forget_changes.h"
#include "fs/fuse/lowlevel.h"
#include "fs/fuse/parked_requests.h"

namespace granary {

class FuseKernelCaches : public KernelCaches {
 public:
  FuseKernelCaches(fuse_session* session, const ParkedRequests& parked) : session_(session), parked_(parked) {}

  Status forget_name(InodeNumber directory, ByteView name) override;
  Status forget_attributes(InodeNumber inode) override;
  Status forget_listing(InodeNumber directory) override;

  // Waits for nobody from now on: the mount is going.
  void close() { closing_.store(true); }

 private:
  static Status told(int status);

  fuse_session* const session_;
  const ParkedRequests& parked_;
  std::atomic<bool> closing_{false};
};

}  // namespace granary
