// The end of a machine: systemd hands over to /run/initramfs/shutdown with the OS's root at /oldroot. Everything is
// unravelled in the order in which it lies upon each other: what the OS mounted, the overlay, the mount program (which
// ends by itself when nobody uses the tree any more), the scratch file system, clean. Each wait is bounded: a machine
// that is told to end ends.
#pragma once

#include <string>
#include <vector>

namespace granary {

// `shutdown VERB`: reboot, poweroff, halt or kexec; anything else reboots. Does not return when it is process 1.
int run_shutdown(const std::vector<std::string>& arguments);

// sysvinit has no such moment: its last script says so while the root is still in use. The root is made read-only, the
// mount program ended, scratch made read-only and thereby clean, and the machine ended.
int end_sysvinit(const std::vector<std::string>& arguments);

}  // namespace granary
