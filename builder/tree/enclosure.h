// Enclosure: a tree in which programs run as if it were the whole machine, so that nothing of this machine reaches what
// they make, and nothing they do reaches this machine. They have namespaces of their own for mounts, processes, host
// name, IPC and network (a loopback device alone); /dev is a small one of its own, /proc shows only them, /run and /tmp
// are empty and forgotten afterwards, /sys is an empty directory, because what it shows is this machine's hardware. The
// environment is always the same. Services are not started: policy-rc.d says no and start-stop-daemon does nothing.
// fsync(2) and its like succeed at once and do nothing: what a cook that was cut short leaves is thrown away anyhow.
//
// All of it ends with the Enclosure, or with us, whatever happens: the mounts lie in a namespace of the enclosure's
// first process, and its end ends all others. Needs root. One thread, which must outlive it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "fs/base/result.h"
#include "fs/base/time.h"
#include "fs/base/unique_fd.h"

namespace granary {

struct EnclosureOptions {
  std::string root;
  UnixSeconds source_date_epoch = 0;
  std::string hostname = "localhost";
  // Bound into the enclosure's /run/granary (read-only): "packages" for dpkg's reference mode. Empty: none.
  std::string packages;
  // start-stop-daemon and mandb are covered by programs that do nothing. Not while dpkg puts them in their places.
  bool covers_programs = true;
};

// What to run in it. The working directory is the root.
struct EnclosedCommand {
  std::vector<std::string> words;        // the program by its path in the tree, or found in PATH
  std::vector<std::string> environment;  // in addition to the fixed one, or instead of it by name
  std::string input;                     // its standard input; else empty
  int output = -1;                       // a descriptor of ours for what it says; -1: our own standard streams
};

class Enclosure {
 public:
  //   kPermission  needs root;  kUnsupported: the kernel lacks a namespace
  static Result<Enclosure> begin(const EnclosureOptions& options);
  Enclosure(Enclosure&& other) noexcept;
  Enclosure& operator=(Enclosure&&) = delete;
  ~Enclosure();  // ends every process in it

  // Waits for it. Its exit status, 128 + N when signal N ended it, 127 when it could not be started.
  Result<int> run(const EnclosedCommand& command);

 private:
  Enclosure(pid_t keeper, UniqueFd channel, std::string root)
      : keeper_(keeper), channel_(std::move(channel)), root_(std::move(root)) {}

  pid_t keeper_ = 0;  // waits for the first process in there
  UniqueFd channel_;
  std::string root_;
  std::vector<std::string> environment_;
  bool made_policy_ = false;
};

}  // namespace granary
