#include "tools/bounded.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>

#include "fs/base/file.h"

namespace granary {

Result<Bounded> Bounded::start(const Work& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(errno, "cannot make a pipe");
  UniqueFd from_child(ends[0]);
  const UniqueFd to_parent(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return system_error(errno, "cannot start a process");
  if (child > 0) return Bounded(child, std::move(from_child));
  std::signal(SIGPIPE, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  work([&](const std::string& text) { static_cast<void>(write_all(to_parent.get(), text)); });
  ::_exit(0);
}

Bounded::Outcome Bounded::wait(Time deadline) {
  Outcome outcome;
  char part[65536];
  while (outcome.said.size() < kMostSaidBytes) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Time::clock::now());
    pollfd wanted{output_.get(), POLLIN, 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(std::max<int64_t>(0, left.count())));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return outcome;
    const ssize_t n = ::read(output_.get(), part, sizeof part);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    outcome.said.append(part, static_cast<size_t>(n));
  }
  outcome.ended = true;
  return outcome;
}

Bounded::~Bounded() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  for (int i = 0; i < 20; ++i) {  // one that waits for a disk may not die now
    if (::waitpid(pid_, nullptr, WNOHANG) != 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

std::string said_within(std::chrono::milliseconds timeout, const Bounded::Work& work) {
  auto child = Bounded::start(work);
  if (!child) return child.error().message + "\n";
  Bounded::Outcome outcome = child->wait(Bounded::Time::clock::now() + timeout);
  if (!outcome.ended) outcome.said += str("\n[given up after ", timeout.count(), " ms]\n");
  return outcome.said;
}

}  // namespace granary
