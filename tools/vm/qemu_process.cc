#include "tools/vm/qemu_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr std::chrono::seconds kPatienceAtTheEnd{5};
constexpr std::chrono::milliseconds kPollEvery{20};
constexpr int kMonitorPatienceMs = 5000;

int exit_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

struct ChildPlan {
  const char* program;
  char* const* words;
  const char* folder;
  QemuProcess::Terminal terminal;
  pid_t parent;
};

// Between fork and exec in a program with threads: nothing but system calls.
[[noreturn]] void become(const ChildPlan& plan) {
  // Not SIGKILL: a terminal is put in order, a disk is written.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != plan.parent || ::chdir(plan.folder) != 0) ::_exit(127);
  if (plan.terminal == QemuProcess::Terminal::kNone) {
    const int nothing = ::open("/dev/null", O_RDONLY);
    const int log = ::open("qemu.log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (nothing < 0 || log < 0 || ::dup2(nothing, 0) < 0 || ::dup2(log, 1) < 0 || ::dup2(log, 2) < 0) ::_exit(127);
    ::setpgid(0, 0);  // the keyboard's Ctrl-C is ours to handle
  }
  sigset_t none;
  ::sigemptyset(&none);
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(plan.program, plan.words);
  ::_exit(127);
}
}  // namespace

Result<QemuProcess> QemuProcess::start(const std::string& program, const std::vector<std::string>& words,
                                       const std::string& folder, Terminal terminal) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const ChildPlan plan{program.c_str(), arguments.data(), folder.c_str(), terminal, ::getpid()};
  const pid_t pid = ::fork();
  if (pid < 0) return system_error(errno, "cannot start " + program);
  if (pid == 0) become(plan);
  return QemuProcess(pid);
}

QemuProcess::~QemuProcess() { end(); }

std::optional<int> QemuProcess::ended() {
  if (status_ || pid_ == 0) return status_;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) status_ = exit_status(status);
  return status_;
}

int QemuProcess::wait() {
  int status = 0;
  while (!status_ && ::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  if (!status_) status_ = exit_status(status);
  return *status_;
}

void QemuProcess::end() {
  if (pid_ == 0 || ended()) return;
  ::kill(pid_, SIGTERM);
  const auto until = std::chrono::steady_clock::now() + kPatienceAtTheEnd;
  while (!ended() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(kPollEvery);
  if (ended()) return;
  ::kill(pid_, SIGKILL);
  wait();
}

Result<UniqueFd> connect_in(const std::string& folder, const std::string& name) {
  const UniqueFd place = TRY(open_file(folder, O_PATH | O_DIRECTORY | O_CLOEXEC));
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return system_error(errno, "cannot make a socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = str("/proc/self/fd/", place.get(), "/", name);
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Error{Code::kUnavailable,
                 str("nobody answers at ", printable(folder), "/", name, ": ", std::strerror(errno))};
  return socket;
}

namespace {
// Answers come in order; events may stand between them.
Status await_answer(int socket, const char* wanted, Bytes& heard) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kMonitorPatienceMs);
  for (;;) {
    for (size_t end = heard.find('\n'); end != Bytes::npos; end = heard.find('\n')) {
      const auto line = nlohmann::json::parse(heard.substr(0, end), nullptr, false);
      heard.erase(0, end + 1);
      if (!line.is_object()) continue;
      if (line.contains("error")) return Error{Code::kInternal, "QEMU refuses: " + line["error"].dump()};
      if (line.contains(wanted)) return Done{};
    }
    pollfd wait{socket, POLLIN, 0};
    char buffer[4096];
    if (std::chrono::steady_clock::now() > until || ::poll(&wait, 1, kMonitorPatienceMs) != 1) break;
    const ssize_t got = ::read(socket, buffer, sizeof buffer);
    if (got <= 0) break;
    heard.append(buffer, static_cast<size_t>(got));
  }
  return Error{Code::kUnavailable, "QEMU's monitor does not answer"};
}
}  // namespace

Status tell_qemu(const std::string& folder, const std::string& command) {
  const UniqueFd socket = TRY(connect_in(folder, "qmp.sock"));
  Bytes heard;
  TRY(await_answer(socket.get(), "QMP", heard));
  TRY(write_all(socket.get(), "{\"execute\":\"qmp_capabilities\"}\n"));
  TRY(await_answer(socket.get(), "return", heard));
  TRY(write_all(socket.get(), str("{\"execute\":\"", command, "\"}\n")));
  const Status answer = await_answer(socket.get(), "return", heard);
  // It may be gone before it has answered.
  return command == "quit" ? Status(Done{}) : answer;
}

}  // namespace granary
