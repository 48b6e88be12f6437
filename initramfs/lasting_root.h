// The lasting root: a small root directory of our own below /run, which moves along with /run to the OS and outlives
// everything else (paths::kLasting). It gets all programs and files of the initramfs but kernel modules; the initramfs
// keeps symbolic links to them. The mount program and the DHCP client run with it as their root directory, so that they
// find all they need after the switch, and systemd-shutdown takes it as the root from which everything is unravelled.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "fs/base/program.h"
#include "fs/base/result.h"

namespace granary {

// Mounts /run and moves what is in the initramfs there. `from` is the initramfs's root, "/" but in tests, and
// `lasting` an existing directory.
Status move_to_lasting_root(const std::string& from, const std::string& lasting);
Result<std::string> make_lasting_root();

// A file or a whole directory to another file system, file by file, each gone from where it was before the next.
Status move_across(const std::string& from, const std::string& to);

// A program of the lasting root, started with it as its root directory. Its first word is a path in there; its argv[0]
// becomes "@NAME", which is what systemd-shutdown spares. Waits for it as run_program does: a daemon's starter.
Result<ProgramEnd> run_in_lasting_root(Program program);

// `granary-init in-root ROOT PROGRAM [ARGUMENT]...`: what starts them. Returns only when it failed.
int enter_root(const std::vector<std::string>& arguments);

// A path below the lasting root as who runs in there sees it: "/scratch/cache" for "/run/initramfs/scratch/cache".
std::string inside_lasting_root(const std::string& path);

}  // namespace granary
