// MountOptions: what is mounted where and how. MountOption: one option of a mount as every door knows it. The table of
// them is the only list there is: it makes both command lines (mount_arguments), `granary mount` and its manual page,
// the keys of the configuration (configuration), and `granary showconfig`. One more option: one more row.
//   name "profile-limit"    --profile-limit 10M    -o profile-limit=10M or profile_limit=10M    profile_limit = 10M
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "fs/base/log_file.h"
#include "fs/base/size.h"
#include "fs/client/background_fill.h"
#include "fs/client/profile_replay.h"
#include "fs/client/snapshot_selector.h"
#include "fs/fuse/identity_map.h"
#include "fs/net/proxy_list.h"

namespace granary {

struct MountOption;

// One option as somebody gave it.
struct Setting {
  const MountOption* option;
  std::string value;   // flags: "yes" or "no"
  std::string origin;  // for people: "command line", "/etc/granary/granary.conf:12"

  bool operator==(const Setting&) const = default;
};

struct MountOptions {
  std::string source;  // a URL or a directory
  std::string mount_point;
  std::string source_origin;  // who said so, as Setting::origin
  std::string mount_point_origin;
  std::vector<Setting> settings;  // all that somebody gave and that holds, in the table's order
  std::string configured_as;      // the repository's name in the configuration; empty: not from there
  std::string config;             // the configuration's place; empty: the default

  std::string trust_file;
  SnapshotSelector selector;
  std::string cache_directory;            // empty: the default; kNoCache: none
  std::vector<std::string> lower_caches;  // directories
  uint64_t quota_bytes = 0;               // 0: the default
  std::string state_directory;            // empty: the default
  std::string profile;                    // empty: none is replayed
  uint64_t profile_limit_bytes = ReplayOptions::kDefaultLimitBytes;
  std::string log;  // "stderr", "journal", "syslog", a file; empty: the default
  log::Rotation log_rotation;
  log::Format log_format = log::Format::kLogfmt;
  std::chrono::seconds watchdog{10};  // 0: none
  bool trace = false;
  std::string ca_file;               // certificates to trust besides the system's; empty: none
  std::vector<std::string> mirrors;  // as given: URLs or directories
  ProxyOptions proxies;
  std::optional<FillRate> fill;
  std::string user;  // whose rights the worker has when root mounts; empty: granary, if there is such a user
  std::optional<std::chrono::seconds> follow = std::chrono::seconds(60);  // a branch; nothing: it is not followed
  bool archive = false;
  bool is_clock_trusted = true;
  UnixSeconds time_floor = 0;  // 0: none
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
  Identities identities;
};

struct MountOption {
  enum class Kind {
    kValue,       // given again, the last one holds
    kList,        // may be given several times, and all of them hold
    kFlag,        // --archive; in a list archive, noarchive or archive=no; in the configuration archive = yes or no
    kKernelFlag,  // the same without a command line option of its own: -o allow_other
  };
  const char* name;  // words joined by "-" (of a kernel flag by "_", as the kernel has it)
  Kind kind;
  const char* value;     // stands for its value in texts: "FILE" and "DIR" are paths; empty for flags
  const char* fallback;  // what holds if nobody says anything, in words; empty: nothing
  const char* help;
  Status (*set)(MountOptions& options, const std::string& value);  // kInvalid, with what is wrong
  // The same value without what may be another tomorrow, or elsewhere: files read, names looked up.
  Result<std::string> (*settle)(const std::string& value) = nullptr;

  bool is_flag() const { return kind == Kind::kFlag || kind == Kind::kKernelFlag; }
  bool is_path() const;
  std::string key() const;  // its name in the configuration: words joined by "_"
};

// In the order of the help, in which they are applied too: a date comes after its branch.
const std::vector<MountOption>& mount_options();
// By its name, words joined by "-" or "_". Nothing when there is none.
const MountOption* find_mount_option(std::string_view name);
// "did you mean …?" or "… lists them", for one that there is not.
std::string mount_option_hint(std::string_view name);

// Settles those that need it. kInvalid, naming the option.
Status settle(std::vector<Setting>& settings);

// yes, no, on, off, true, false, 1, 0. kInvalid for anything else.
Result<bool> parse_yes(std::string_view text);

// Sets `options.settings` to what holds of `given`, and applies it: of several settings of one option the last holds
// (of a kList all), and of branch, tag and snapshot the last. kInvalid, naming the option.
Status apply_settings(MountOptions& options, std::vector<Setting> given);

// `lower` without what `upper` says otherwise, then `upper`: all of a kList comes from one of them, and a date goes
// with the branch, tag or snapshot that it was given with.
std::vector<Setting> overlaid(std::vector<Setting> lower, const std::vector<Setting>& upper);

std::string mount_help();

}  // namespace granary
