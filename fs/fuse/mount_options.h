// What is mounted where and how, from two command lines:
//   granary-mount [OPTIONS] URL MOUNTPOINT          as `granary mount` calls it
//   mount.granary URL MOUNTPOINT [-sfnv] [-o LIST]  as mount(8) calls it, for `mount -t granary` and fstab
// In the second every option stands in the list: trust=FILE,branch=main,cache=DIR,allow_other …
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fs/base/size.h"
#include "fs/client/background_fill.h"
#include "fs/client/profile_replay.h"
#include "fs/client/snapshot_selector.h"

namespace granary {

struct MountOptions {
  std::string source;  // as given: a URL or a directory
  std::string mount_point;
  std::string trust_file;
  SnapshotSelector selector;
  std::string cache_directory;  // empty: the default
  uint64_t quota_bytes = 0;     // 0: the default
  std::string state_directory;  // empty: the default
  std::string profile;          // empty: none is replayed
  uint64_t profile_limit_bytes = ReplayOptions::kDefaultLimitBytes;
  std::string log;      // "stderr", "syslog", a file; empty: the default
  std::string ca_file;  // certificates to trust besides the system's; empty: none
  std::optional<FillRate> fill;
  bool archive = false;
  bool allow_withdrawn = false;
  bool foreground = false;
  bool verbose = false;
  bool check_only = false;  // mount -f: everything but the mount
  bool help = false;
  bool version = false;

  // The kernel's part.
  bool acl = true;
  bool allow_other = false;
  bool suid = false;
  bool dev = false;
  bool exec = true;
};

// kInvalid, with what is wrong: a wrong command line. `arguments` are without the program's name.
Result<MountOptions> parse_mount_arguments(const std::vector<std::string>& arguments);
Result<MountOptions> parse_helper_arguments(const std::vector<std::string>& arguments);

extern const char* const kMountHelp;

}  // namespace granary
