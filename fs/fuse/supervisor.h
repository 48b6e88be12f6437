// The supervisor: the process that holds a mount and never answers it. It opens /dev/fuse, mounts, listens for
// questions, and runs a worker (Worker) that answers the kernel, in a process of its own: when that dies, however it
// dies, another one goes on, and whoever reads from the mount waits for it a little. When workers keep dying, or none
// can be had for some seconds, the supervisor itself answers requests with EIO, so that nobody hangs for ever, and goes
// on trying. It believes nothing that a worker wrote, looks at nothing of a request but its header, and has one loop on
// one thread.
#pragma once

#include "fs/fuse/mount_plan.h"
#include "fs/fuse/startup.h"

namespace granary {

// Mounts and stays until unmounted. Returns the exit status; an error has been printed in one line. `version` is ours.
int supervise(MountPlan plan, Startup startup, const char* version);

// The same, when another program has mounted and executes this one in its place (granary upgrade): `state` is a
// descriptor to what it left.
int supervise_on(int state, const char* version);

}  // namespace granary
