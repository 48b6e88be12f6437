// `init`: process 1 of the micro image, from the kernel's start to the OS's. Read run() as the table of contents.
#pragma once

namespace granary {

// Never returns: it becomes the OS's init, or ends the machine.
[[noreturn]] void run_init();

}  // namespace granary
