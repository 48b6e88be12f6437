#include "fs/fuse/startup.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>

#include "fs/base/result.h"

namespace granary {

namespace {
constexpr int kDiedStatus = static_cast<int>(Code::kInternal);

// The parent's part: never returns.
[[noreturn]] void wait_for_verdict(const UniqueFd& from_child, pid_t child) {
  uint8_t status = 0;
  ssize_t n = 0;
  do n = ::read(from_child.get(), &status, 1);
  while (n < 0 && errno == EINTR);
  if (n == 1) ::_exit(status);
  int how = 0;
  ::waitpid(child, &how, 0);
  std::fprintf(stderr, "granary-mount: the mount program ended before the mount answered (%s %d)\n",
               WIFSIGNALED(how) ? "signal" : "status", WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how));
  ::_exit(WIFEXITED(how) && WEXITSTATUS(how) != 0 ? WEXITSTATUS(how) : kDiedStatus);
}
}  // namespace

Startup Startup::as_daemon() {
  int ends[2];
  pid_t child = -1;
  if (::pipe2(ends, O_CLOEXEC) != 0 || (child = ::fork()) < 0) {
    std::perror("granary-mount: cannot start the daemon");
    ::_exit(kDiedStatus);
  }
  UniqueFd from_child(ends[0]);
  UniqueFd to_parent(ends[1]);
  if (child > 0) {
    to_parent.reset();
    wait_for_verdict(from_child, child);
  }
  Startup startup;
  startup.to_parent_ = std::move(to_parent);
  return startup;
}

void leave_terminal() {
  ::setsid();  // not before: autofs lets only the process group of its own mount(8) see the mount point
  if (::chdir("/") != 0) std::perror("granary-mount: cannot leave the directory");
  const UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing.get(), fd);
}

void Startup::ready() {
  if (!to_parent_.valid()) return;
  leave_terminal();
  failed(0);
}

void Startup::failed(int exit_status) {
  if (!to_parent_.valid()) return;
  const auto status = static_cast<uint8_t>(exit_status);
  [[maybe_unused]] const ssize_t written = ::write(to_parent_.get(), &status, 1);
  to_parent_.reset();
}

}  // namespace granary
