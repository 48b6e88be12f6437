// What the OS finds in its own files about the machine that it has come to: each a small change of the new root, made
// through the overlay. What somebody has changed in the running OS is left alone.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/base/result.h"

namespace granary {

struct OsPlan {
  std::string root;          // the new root
  std::string state_folder;  // what outlives a volatile layer: the machine's id, ssh host keys
  bool keeps_changes = true;
  std::string hostname;  // empty: the tree's own
  std::vector<std::string> dns, search;
  std::vector<std::string> ssh_keys;  // root's, where there is no cloud-init
  std::string instance_id;
  Bytes user_data;     // handed on to cloud-init
  std::string inject;  // base64 of a tar.gz; unpacked once
};

// All of them, one after the other; what could not be done is a complaint, and the OS starts without it. The outcome
// names what was changed.
std::string prepare_os_files(const OsPlan& plan, std::vector<std::string>& complaints);

// A tree's /etc/fstab was written for another machine: entries for / and what lies around it, and those of disks that
// are not here, become comments. `is_here` says whether a device ("UUID=…", "/dev/sda1") is. Nothing: no change needed.
std::string neutral_fstab(std::string_view text, const std::function<bool(const std::string&)>& is_here);

// sysvinit: last lines of inittab make ssh host keys, where there are none, and mark a complete start; the scripts that
// end the machine hand over to us before they do, because nobody else can leave the disks clean. Nothing: said already,
// or not such a file.
std::string inittab_with_mark(std::string_view text);
std::string end_script_with_hook(std::string_view text, const std::string& verb);

// A resolver's file. Begins with a line by which we know it as ours.
std::string resolver_text(const std::vector<std::string>& dns, const std::vector<std::string>& search);
inline constexpr std::string_view kOurMark = "# Written by Granary's micro image at boot";

// Copies ssh host keys between the OS and the state folder; how many.
size_t keep_host_keys(const std::string& root, const std::string& state_folder);
size_t restore_host_keys(const std::string& root, const std::string& state_folder);

}  // namespace granary
