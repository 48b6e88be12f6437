// The sandbox of a worker: what it may still do when it does what a stranger's bytes make it do. Three layers, each as
// far as the kernel has it, for root and users alike:
//   no_new_privs  no program, whatever its mode, gives it more rights
//   Landlock      files: it reads what is listed, writes below what is listed, executes nothing (landlock(7))
//   seccomp       system calls: those it needs; what only an intruder wants (another program, another identity, mounts,
//                 another process's memory) ends it with SIGSYS; all others do not exist (ENOSYS)
// Holds for this thread and those it starts; descriptors that are open stay usable.
#pragma once

#include <string>
#include <vector>

#include "fs/base/result.h"

namespace granary {

struct SandboxRules {
  std::vector<std::string> readable;  // files, and directories with all below; missing ones are left out
  std::vector<std::string> writable;  // likewise
};

// Enters it. Returns what holds now, of "no-new-privileges", "landlock", "seccomp": a kernel may be without.
Result<std::vector<std::string>> enter_sandbox(const SandboxRules& rules);

// What every worker reads: libraries, certificates, name resolution, clocks.
std::vector<std::string> system_files();
// A repository's directory, and what the links in it lead to.
std::vector<std::string> repository_files(const std::string& directory);

}  // namespace granary
