// `umount`: ends a mount, and waits until nothing of it is left.
#include "fs/base/time.h"
#include "fs/client/mount_client.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/mount_place.h"

namespace granary {

namespace {
Action define(CLI::App& app) {
  struct Options {
    std::vector<std::string> mount_points;
    bool lazy = false;
    std::string timeout = "30s";
  };
  const auto options = std::make_shared<Options>();
  app.add_option("MOUNTPOINT", options->mount_points, "where it is mounted, or its name in the configuration")
      ->required();
  app.add_flag("--lazy", options->lazy, "take it out of the tree now; it ends when its last user has gone");
  app.add_option("--timeout", options->timeout, "how long the process behind it may take to end (30s)")
      ->type_name("TIME");
  return [options](Io&) -> Status {
    const std::chrono::seconds timeout(TRY(parse_duration_seconds(options->timeout)));
    for (const std::string& path : options->mount_points) {
      const MountPoint mount = TRY(find_mount_or_name(path));
      TRY(unmount(mount, options->lazy ? Unmount::kLazy : Unmount::kClean, timeout));
    }
    return Done{};
  };
}
}  // namespace

const Command kUmountCommand{
    "umount", "unmount, and wait until the mount is gone",
    "Returns once the mount is gone and the process behind it has ended. A mount in use stays, and the message says\n"
    "who uses it. What was mounted when another mount namespace was made (a container, a service with mounts of its\n"
    "own) may be mounted there, too: then its process goes on for them, and the message says for whom.",
    "granary umount /mnt\n"
    "granary umount sw  # by its name in the configuration",
    define};

}  // namespace granary
