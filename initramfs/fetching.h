// HTTP for contexts: through the mount program, so that init needs no network library.
#pragma once

#include "initramfs/context/context.h"

namespace granary {

// `granary-mount --fetch`.  kNotFound, kUnavailable.
Result<Bytes> fetch_by_mount_program(const FetchRequest& request);

}  // namespace granary
