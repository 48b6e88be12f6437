// The two command lines of the mount program, as MountOptions:
//   granary-mount [OPTIONS] URL MOUNTPOINT          as `granary mount` calls it
//   mount.granary URL MOUNTPOINT [-sfnv] [-o LIST]  as mount(8) calls it, for `mount -t granary` and fstab
// In the second every option stands in the list: trust=FILE,branch=main,cache=DIR,allow_other …
#pragma once

#include "fs/fuse/mount_options.h"

namespace granary {

// kInvalid, with what is wrong: a wrong command line. `arguments` are without the program's name.
Result<MountOptions> parse_mount_arguments(const std::vector<std::string>& arguments);
Result<MountOptions> parse_helper_arguments(const std::vector<std::string>& arguments);

// What stands in an -o list: "trust=/a\,b,noacl" (commas separate, "\," is a comma).
enum class UnknownOptions { kRefuse, kIgnore };
Result<std::vector<Setting>> parse_option_list(const std::string& list, const std::string& origin,
                                               UnknownOptions unknown = UnknownOptions::kRefuse);

}  // namespace granary
