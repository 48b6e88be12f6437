#include "fs/fuse/fuse_kernel_caches.h"

#include <cerrno>
#include <thread>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr std::chrono::milliseconds kLookAgain{10};
constexpr off_t kAttributesOnly = -1;
}  // namespace

Status FuseKernelCaches::forget_name(InodeNumber directory, ByteView name) {
  while (parked_.has(directory)) {
    if (closing_) return Error{Code::kUnavailable, "the mount is going"};
    std::this_thread::sleep_for(kLookAgain);
  }
  const Bytes terminated(name);  // libfuse sends the zero behind it
  return told(fuse_lowlevel_notify_inval_entry(session_, directory, terminated.c_str(), terminated.size()));
}

Status FuseKernelCaches::forget_attributes(InodeNumber inode) {
  return told(fuse_lowlevel_notify_inval_inode(session_, inode, kAttributesOnly, 0));
}

Status FuseKernelCaches::forget_listing(InodeNumber directory) {
  return told(fuse_lowlevel_notify_inval_inode(session_, directory, 0, 0));
}

// ENOENT: the kernel did not know it.
Status FuseKernelCaches::told(int status) {
  if (status == 0 || status == -ENOENT) return Done{};
  return Error{Code::kUnavailable, "cannot tell the kernel: " + std::generic_category().message(-status)};
}

}  // namespace granary
