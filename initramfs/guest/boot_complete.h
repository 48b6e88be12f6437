// The boot-complete mark: the OS has started as far as it was going to. Settles the pin (an update that was under trial
// is now what this machine boots), and says so in one line, on the console and in boot.log:
//   granary: boot complete snapshot=ID seconds=UPTIME
#pragma once

#include "fs/base/result.h"

namespace granary {

Status reach_boot_complete();

}  // namespace granary
