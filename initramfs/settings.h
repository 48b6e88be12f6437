// Settings: what can be said to the micro image, and by whom. One table makes the kernel parameters
// (granary.NAME=VALUE), the image's own file (NAME = VALUE), the section [granary] of user data, and the list in
// docs/booting.md. Who is believed, weakest first: the table's default, the image, the context, the kernel command
// line. What concerns trust can be said by the image alone, or be chosen among what it has (BootSetting::who).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fs/base/result.h"

namespace granary {

enum class SaidBy { kImage, kContext, kCommandLine };

// One thing that was said, before it is looked at.
struct Saying {
  std::string name;   // without "granary.", words joined by "_"
  std::string value;  // of a flag: "" or yes or no
  SaidBy by;
  std::string origin;  // for people: "kernel command line", "NoCloud (/dev/vdb)"
};

struct Settings {
  // What is booted.
  std::vector<std::string> repository;  // URLs: the first, and its mirrors
  std::string trust;                    // the name of a trust of the image; empty: its only one
  std::string branch = "main";
  std::string tag, snapshot;     // instead of the branch
  std::string path;              // the directory of the tree that becomes the root; empty: all of it
  std::string proxy;             // as granary mount --proxy has it
  std::string profile = "boot";  // replayed if the snapshot has it; empty: none
  bool record = false;           // what the start touches, as a profile
  bool archive = false;          // accept what is authentic but stale
  bool allow_withdrawn = false;

  // Network and time.
  std::string network = "dhcp";  // dhcp, static (from ip= or the context), none
  std::vector<std::string> ip;   // kernel syntax: CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:DEVICE:AUTOCONF:DNS:DNS:NTP
  std::vector<std::string> dns, ntp;  // besides what DHCP says
  std::chrono::seconds network_timeout{60};
  std::string hostname;

  // Context.
  std::string context = "auto";  // auto, none, or sources in the order in which they are asked: nocloud,ec2
  std::string seed;              // NoCloud from the network: a URL ending in "/" (also ds=nocloud;s=URL)
  bool extra_user_data = false;  // image only: take /granary/extra-user-data from attached file systems, too
  std::string inject;            // base64 of a tar.gz, unpacked once over the new root

  // Scratch and overlay.
  std::string scratch = "auto";     // auto, none (memory), or a device or LABEL=…
  uint64_t scratch_size_bytes = 0;  // of a partition made on the boot disk; 0: all that is free
  bool resize = true;               // grow the scratch file system when its disk has grown
  bool repair = false;              // let e2fsck answer all its questions with yes
  bool persistent = true;           // the OS's changes outlive a reboot (on a disk)
  uint64_t quota_bytes = 0;         // of the cache; 0: half of scratch, at most 4 GiB

  // When things go wrong; updates.
  bool rescue = false;                         // offer a shell where a step fails, and before the switch
  std::string on_failure = "reboot";           // reboot, poweroff, halt
  uint32_t retries = 3;                        // of a step that needs the network
  std::chrono::seconds complete_timeout{600};  // for an update under trial to reach the boot-complete mark
  bool verbose = false;
};

struct BootSetting {
  const char* name;
  const char* value;  // stands for its value in texts; empty for flags
  const char* help;
  enum class Who { kAnybody, kImageOnly, kImageOrCommandLine } who;
  Status (*set)(Settings& settings, const std::string& value);  // kInvalid, with what is wrong
};

const std::vector<BootSetting>& setting_table();

// What holds of all that was said. A saying that is wrong, unknown, or not its speaker's to say is left out and told of
// in `complaints` (a line each: the thing, the cause, the remedy): a typing error in user data must not keep a machine
// down.
Settings settle(std::vector<Saying> sayings, std::vector<std::string>& complaints);

// Of /proc/cmdline: granary.NAME[=VALUE], ip=, nameserver=, ds=nocloud;s=URL, and the seed's cvmfs_server= …
// (docs/booting.md). Values may stand in double quotes.
std::vector<Saying> parse_command_line(std::string_view text);
// Of the image's own file: NAME = VALUE, "#" comments.
std::vector<Saying> parse_image_config(std::string_view text);

}  // namespace granary
