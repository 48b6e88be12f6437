// A throw-away tree: a snapshot, mounted, under an overlay that takes what is written, in mount, process, host name and
// IPC namespaces of its own; /dev, /proc, /run and /sys as on a running machine, and this machine's network. All of it
// goes with the command that runs in it, however that ends, and with us: the mounts lie in the namespaces, what is
// written lies in memory. Root, or an ordinary user through a user namespace, who then is root in there and sees what
// others own as nobody's.
#pragma once

#include <string>
#include <vector>

#include "fs/base/result.h"

namespace granary {

struct ThrowawayBind {
  std::string source;       // on this machine
  std::string destination;  // absolute, in the tree; made when missing
  bool read_only = false;
};

struct ThrowawayOptions {
  std::vector<std::string> mount;  // granary-mount and its arguments, but for the mount point
  std::vector<std::string> words;  // what to run; empty: an interactive shell
  std::string keep;                // a directory that keeps what is written; empty: memory does, and forgets
  std::vector<ThrowawayBind> binds;
  std::string hostname = "granary";
};

// Waits for the command. Its exit status: 128 + N when signal N ended it, 127 when it could not be started. Call it
// without other threads.
//   kPermission   the kernel lets an ordinary user have no namespaces: root can
//   kNotFound     the source of a bind
//   otherwise     what the mount program said
Result<int> run_in_throwaway_tree(const ThrowawayOptions& options);

}  // namespace granary
