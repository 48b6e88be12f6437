// The two command lines of the mount program, as MountOptions:
//   granary-mount [OPTIONS] URL MOUNTPOINT          as `granary mount` calls it
//   mount.granary URL MOUNTPOINT [-sfnv] [-o LIST]  as mount(8) calls it, for `mount -t granary` and fstab
// In the second every option stands in the list: trust=FILE,branch=main,cache=DIR,allow_other …
// In both, a repository that the configuration names can stand for the URL. What the command line does not say, the
// configuration may: first of the repository, then of all (fs/fuse/configuration.h).
#pragma once

#include "fs/fuse/configuration.h"

namespace granary {

inline constexpr const char* kCommandLineOrigin = "command line";

// kInvalid, with what is wrong: a wrong command line. `arguments` are without the program's name.
Result<MountOptions> parse_mount_arguments(const std::vector<std::string>& arguments);
// Of `--resolve`: the same without a mount point, which stays empty.
Result<MountOptions> parse_resolve_arguments(const std::vector<std::string>& arguments);
Result<MountOptions> parse_helper_arguments(const std::vector<std::string>& arguments);

// What a mount of `places` would be: the source (a URL, a directory or the name of a repository in the configuration)
// and, unless that has one, the mount point; with `given` over what the configuration says. kInvalid as above.
Result<MountOptions> mount_options_for(const Configuration& configuration, const std::vector<std::string>& places,
                                       const std::vector<Setting>& given);

// What stands in an -o list: "trust=/a\,b,noacl" (commas separate, "\," is a comma).
enum class UnknownOptions { kRefuse, kIgnore };
Result<std::vector<Setting>> parse_option_list(const std::string& list, const std::string& origin,
                                               UnknownOptions unknown = UnknownOptions::kRefuse);

}  // namespace granary
