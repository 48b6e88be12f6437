// Two processes: the first leaves our namespaces and starts the second, which is process 1 of its own: when it ends,
// the kernel kills all that it started and takes its mounts away. Each is killed when the one above it dies.
#include "builder/cook/apart.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "fs/base/file.h"

namespace granary {

namespace {
// On the pipe: a kind, the size of what follows as 32 bits, the bytes.
constexpr char kTold = 't', kWell = 'w', kFailed = 'f';
constexpr size_t kMaxMessageBytes = 1 << 20;

void send(int pipe, char kind, ByteView text) {
  ByteWriter message;
  message.u8(static_cast<uint8_t>(kind)).string(text.substr(0, kMaxMessageBytes));
  static_cast<void>(write_all(pipe, message.view()));
}

void send_end(int pipe, const Status& status) {
  if (status) return send(pipe, kWell, {});
  ByteWriter error;
  error.u32(static_cast<uint32_t>(status.error().code)).bytes(status.error().message);
  send(pipe, kFailed, error.view());
}

// Collects messages from the bytes of a pipe.
class Inbox {
 public:
  explicit Inbox(const std::function<void(ByteView)>& on_told) : on_told_(on_told) {}

  void take(ByteView bytes) {
    buffer_ += bytes;
    while (take_one()) continue;
  }
  const std::optional<Status>& end() const { return end_; }

 private:
  bool take_one() {
    ByteReader reader(buffer_);
    const char kind = static_cast<char>(reader.u8());
    const ByteView text = reader.string();
    if (!reader.ok()) return false;
    if (kind == kTold) {
      on_told_(text);
    } else if (kind == kWell) {
      end_ = Status(Done{});
    } else {
      ByteReader error(text);
      const auto code = static_cast<Code>(error.u32());
      end_ = Status(Error{code, std::string(error.bytes(error.remaining()))});
    }
    buffer_.erase(0, 5 + text.size());
    return true;
  }

  const std::function<void(ByteView)>& on_told_;
  Bytes buffer_;
  std::optional<Status> end_;
};

Status set_up_namespaces() {
  // What others unmount meanwhile goes here, too: nothing of theirs is held.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return system_error(errno, "cannot part from the mounts of this machine");
  // Programs below look into /proc: it has to speak of their own process numbers.
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    return system_error(errno, "cannot mount /proc");
  return Done{};
}

[[noreturn]] void be_inner(const std::function<Status(const Tell&)>& work, int pipe) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  Status status = set_up_namespaces();
  if (status) status = work([pipe](ByteView text) { send(pipe, kTold, text); });
  send_end(pipe, status);
  ::_exit(0);
}

[[noreturn]] void be_outer(const std::function<Status(const Tell&)>& work, int pipe, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before that
  if (::unshare(CLONE_NEWNS | CLONE_NEWPID) != 0) {
    send_end(pipe, system_error(errno, "cannot make namespaces of our own"));
    ::_exit(1);
  }
  const pid_t child = ::fork();
  if (child == 0) be_inner(work, pipe);
  if (child < 0) send_end(pipe, system_error(errno, "cannot start a process"));
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  ::_exit(0);
}

// Reads until the pipe ends. False when time ran out.
bool read_all(int pipe, Inbox& inbox, std::chrono::milliseconds timeout) {
  using SteadyClock = std::chrono::steady_clock;
  const auto deadline = SteadyClock::now() + timeout;
  char buffer[4096];
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    const int wait_ms = timeout.count() == 0 ? -1 : static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30));
    pollfd ready{pipe, POLLIN, 0};
    const int count = ::poll(&ready, 1, wait_ms);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) return false;
    const ssize_t got = ::read(pipe, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    inbox.take({buffer, static_cast<size_t>(got)});
    if (inbox.end()) return true;  // what it left behind may hold the pipe
  }
}

// While it lasts, an interrupt from the keyboard is not for us.
class IgnoredInterrupts {
 public:
  explicit IgnoredInterrupts(bool is_wanted) : is_wanted_(is_wanted) {
    if (is_wanted_) before_ = ::signal(SIGINT, SIG_IGN);
  }
  ~IgnoredInterrupts() {
    if (is_wanted_) ::signal(SIGINT, before_);
  }
  IgnoredInterrupts(const IgnoredInterrupts&) = delete;
  IgnoredInterrupts& operator=(const IgnoredInterrupts&) = delete;

 private:
  const bool is_wanted_;
  sighandler_t before_ = SIG_DFL;
};
}  // namespace

Status run_apart(const std::function<Status(const Tell&)>& work, const std::function<void(ByteView)>& on_told,
                 const ApartOptions& options) {
  if (::geteuid() != 0)
    return Error{Code::kPermission, "this needs root, because it mounts file systems: run it with sudo"};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(errno, "cannot make a pipe");
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return system_error(errno, "cannot start a process");
  if (child == 0) be_outer(work, writing.get(), parent);
  writing = UniqueFd();

  const IgnoredInterrupts ignored(options.is_interactive);
  Inbox inbox(on_told);
  const bool in_time = read_all(reading.get(), inbox, options.timeout);
  if (!in_time) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (!in_time) return Error{Code::kUnavailable, str("took longer than ", options.timeout.count() / 1000, " s")};
  if (inbox.end()) return *inbox.end();
  return Error{Code::kInternal, "the process that did the work died without a word: is memory short?"};
}

Status leave_network() {
  if (::unshare(CLONE_NEWNET) != 0) return system_error(errno, "cannot leave the network");
  return Done{};
}

}  // namespace granary
