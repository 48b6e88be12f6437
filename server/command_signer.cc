#include "server/command_signer.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "fs/base/file.h"

extern char** environ;

namespace granary {

namespace {
using SteadyTime = std::chrono::steady_clock::time_point;

// A running program, which is killed and waited for unless it was seen to end.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  // Its wait status, or nothing when it still runs at `deadline`.
  std::optional<int> wait_until(SteadyTime deadline) {
    int status = 0;
    for (;;) {
      const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
      if (ended == pid_) {
        pid_ = -1;
        return status;
      }
      if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // it has closed its output: it is about to end
    }
  }

 private:
  pid_t pid_;
};

// One socket serves both ways: shutting down our sending side is the end of its input, and a write to a program that is
// gone is an error rather than a signal.
Result<pid_t> start(const std::vector<std::string>& command, int socket) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, socket, 0);
  posix_spawn_file_actions_adddup2(&actions, socket, 1);
  pid_t pid = -1;
  const int failure = ::posix_spawnp(&pid, command.front().c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0)
    return Error{Code::kUnavailable, system_error(failure, "cannot start " + printable(command.front())).message};
  return pid;
}

// Sends `message` and receives until the other side closes, both at once: neither may wait for the other.
Result<Bytes> converse(int socket, ByteView message, SteadyTime deadline) {
  Bytes answer;
  bool sending = true;
  for (;;) {
    if (sending && message.empty()) {
      ::shutdown(socket, SHUT_WR);
      sending = false;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wanted{socket, static_cast<short>(POLLIN | (sending ? POLLOUT : 0)), 0};
    const int ready = left.count() > 0 ? ::poll(&wanted, 1, static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Error{Code::kUnavailable, "did not answer in time"};
    if (sending && (wanted.revents & POLLOUT) != 0) {
      const ssize_t n = ::send(socket, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) message.remove_prefix(static_cast<size_t>(n));
      if (n < 0 && errno != EAGAIN && errno != EINTR) sending = false;  // it reads no more; it may answer all the same
    }
    if ((wanted.revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    char buffer[256];
    const ssize_t n = ::recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) return answer;
    answer.append(buffer, static_cast<size_t>(n));
    if (answer.size() > 4096) return Error{Code::kUntrusted, "answered with more than a signature"};
  }
}
}  // namespace

Result<Bytes> CommandSigner::sign(ByteView message) {
  const std::string what = str("cannot sign with key command ", printable(command_.front()));
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return system_error(errno, what);
  const UniqueFd ours(sockets[0]);
  UniqueFd theirs(sockets[1]);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(timeout_seconds_);
  Child child(TRY_WITHIN(what, start(command_, theirs.get())));
  theirs.reset();
  Bytes signature = TRY_WITHIN(what, converse(ours.get(), message, deadline));
  const std::optional<int> status = child.wait_until(deadline);
  if (!status) return Error{Code::kUnavailable, what + ": did not end in time"};
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0)
    return Error{Code::kUnavailable, str(what, ": it failed (wait status ", *status, ")")};
  if (!key_.verifies(message, signature))
    return Error{Code::kUntrusted, str(what, ": its answer (", signature.size(), " bytes) is not a signature by key ",
                                       key_.id().brief())};
  return signature;
}

}  // namespace granary
