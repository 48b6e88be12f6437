#include "fs/fuse/worker_process.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "fs/base/file.h"

namespace granary {

namespace {
// The supervisor may be spared when memory runs out (Supervisor::protect); a worker never is.
void be_killed_as_usual() {
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (file.valid()) [[maybe_unused]]
    const ssize_t written = ::write(file.get(), "0", 1);
}

void let_all_signals_through() {
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
}
}  // namespace

Error execute(int program, std::vector<std::string> words, const std::vector<int>& inherited) {
  const bool is_spared = ::program_invocation_name[0] == '@';
  words.insert(words.begin(), is_spared ? "@granary-mount" : "granary-mount");
  for (const int fd : inherited) ::fcntl(fd, F_SETFD, 0);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::fexecve(program, argv.data(), environ);
  const int error_number = errno;
  for (const int fd : inherited) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return system_error(error_number, "cannot execute the program");
}

Result<WorkerProcess> WorkerProcess::start(int program, const std::vector<std::string>& words) {
  auto [ours, theirs] = TRY(WorkerChannel::make());
  std::vector<std::string> all{"--worker", std::to_string(theirs.fd())};
  all.insert(all.end(), words.begin(), words.end());
  const pid_t child = ::fork();
  if (child < 0) return system_error(errno, "cannot start a worker");
  if (child == 0) {
    be_killed_as_usual();
    let_all_signals_through();
    [[maybe_unused]] const Error failed = execute(program, std::move(all), {theirs.fd()});
    ::_exit(127);
  }
  return WorkerProcess(child, std::move(ours));
}

WorkerProcess& WorkerProcess::operator=(WorkerProcess&& other) noexcept {
  if (this == &other) return *this;
  kill();
  pid_ = std::exchange(other.pid_, -1);
  channel_ = std::move(other.channel_);
  version = std::move(other.version);
  return *this;
}

std::optional<int> WorkerProcess::ended() {
  int status = 0;
  if (pid_ <= 0 || ::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  return status;
}

void WorkerProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

std::string describe_end(int status) {
  if (!WIFSIGNALED(status)) return str("status ", WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  const char* const name = ::sigdescr_np(signal);
  return str("signal ", signal, " (", name == nullptr ? "?" : name, ")");
}

}  // namespace granary
