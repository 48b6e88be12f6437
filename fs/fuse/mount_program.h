// The mount program from parsed options to the end of the mount; main only picks the command line's form.
#pragma once

#include "fs/fuse/mount_options.h"

namespace granary {

// Mounts and serves until unmounted. Returns the exit status; an error has been printed in one line.
int run_mount_program(const MountOptions& options, const char* version);

}  // namespace granary
