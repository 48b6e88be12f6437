// forget_changes: tells a kernel what to forget when one snapshot takes the place of another: exactly what differs,
// found in O(changes) by digests and told one by one, so that any number of changes takes no memory.
#pragma once

#include "fs/format/catalog.h"

namespace granary {

// KernelCaches: what the kernel remembers of a mount. Each call waits until the kernel has forgotten; what it never
// knew is forgotten already. kUnavailable: the mount is gone, or is going.
class KernelCaches {
 public:
  virtual ~KernelCaches() = default;
  // That a directory has this name, or has it not.
  virtual Status forget_name(InodeNumber directory, ByteView name) = 0;
  virtual Status forget_attributes(InodeNumber inode) = 0;
  // And the directory's attributes.
  virtual Status forget_listing(InodeNumber directory) = 0;
};

struct ForgottenChanges {
  uint64_t names = 0;
  uint64_t attributes = 0;
  uint64_t listings = 0;
};

// A directory's listing after all names in it: whoever still lists it holds the lock that forgetting a name takes, so
// that nothing old enters the listing afterwards. Errors: of a catalog, of the caches. May wait for parts of both.
Result<ForgottenChanges> forget_changes(Catalog& before, Catalog& after, KernelCaches& caches);

}  // namespace granary
