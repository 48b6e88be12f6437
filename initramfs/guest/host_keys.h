// The keys by which ssh clients know this machine. A tree is cooked without: each machine makes its own, in two steps,
// because the kind that nobody needs any more is the one that takes long.
#pragma once

#include "fs/base/result.h"

namespace granary {

// Ed25519 and ECDSA, which take no time, where they are missing: before the ssh server starts.
Status make_first_host_keys();
// What `ssh-keygen -A` makes besides: an RSA key, for clients from before 2011, takes seconds where the processor is
// emulated. After the start: the server has it from its next start or reload on. Kept where the OS's changes are not.
Status make_other_host_keys();

}  // namespace granary
