#include "fs/base/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "fs/base/file.h"

extern char** environ;

namespace granary {

namespace {
struct Pipe {
  UniqueFd ours, theirs;
};

// What a child is to do with its descriptors, and how its signals stand.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::sigaddset(&signals, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  void give(int descriptor, int as) { ::posix_spawn_file_actions_adddup2(&actions_, descriptor, as); }
  void discard(int as) { ::posix_spawn_file_actions_addopen(&actions_, as, "/dev/null", O_WRONLY, 0); }
  void work_in(const std::string& directory) { ::posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str()); }
  int spawn(pid_t& child, char* const* arguments, char* const* environment) const {
    return ::posix_spawnp(&child, arguments[0], &actions_, &attributes_, arguments, environment);
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::vector<char*> as_arguments(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  return arguments;
}

// A program may read as little of it as it likes: a file, unlike a pipe, never kills or blocks who wrote it.
Result<UniqueFd> as_file(const Bytes& input) {
  UniqueFd file(::memfd_create("input", MFD_CLOEXEC));
  if (!file.valid()) return system_error(errno, "cannot make a file in memory");
  TRY(write_all(file.get(), input));
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

Result<Pipe> connect(SpawnPlan& plan, Program::Stream stream, int descriptor) {
  Pipe pipe;
  if (stream == Program::Stream::kDiscard) plan.discard(descriptor);
  if (stream != Program::Stream::kCapture) return pipe;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(errno, "cannot make a pipe");
  pipe.ours.reset(ends[0]);
  pipe.theirs.reset(ends[1]);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  plan.give(ends[1], descriptor);
  return pipe;
}

// Takes all that can be had now; lets go of the pipe at its end.
void drain(UniqueFd& from, Bytes& into) {
  char buffer[16384];
  while (from.valid()) {
    const ssize_t got = ::read(from.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return from.reset();
    into.append(buffer, static_cast<size_t>(got));
    if (static_cast<size_t>(got) < sizeof buffer) return;
  }
}

void keep_end(Bytes& text, size_t limit_bytes) {
  if (text.size() > limit_bytes) text.erase(0, text.size() - limit_bytes);
}

// A started program: killed and waited for when this goes before it has ended.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid), handle_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) ::kill(pid_, SIGKILL), wait();
  }
  int handle() const { return handle_.get(); }
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
  UniqueFd handle_;
};

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

int milliseconds_until(const Deadline& deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30));
}

// Listens until the program has ended.
Result<ProgramEnd> attend(const Program& program, Child& child, UniqueFd output, UniqueFd errors,
                          const Deadline& deadline) {
  ProgramEnd end;
  for (;;) {
    pollfd waits[3] = {{child.handle(), POLLIN, 0}, {output.get(), POLLIN, 0}, {errors.get(), POLLIN, 0}};
    const int ready = ::poll(waits, 3, milliseconds_until(deadline));
    if (ready < 0 && errno != EINTR) return system_error(errno, "cannot wait for " + program.words[0]);
    if (ready < 0) continue;
    if (ready == 0)
      return Error{Code::kUnavailable,
                   str(program.words[0], " took longer than ", program.timeout.count(), " ms and was stopped")};
    drain(output, end.output);
    drain(errors, end.errors);
    keep_end(end.errors, program.errors_limit_bytes);
    if (end.output.size() > program.output_limit_bytes)
      return Error{Code::kEndlessData, str(program.words[0], " said more than ", program.output_limit_bytes, " bytes")};
    const bool more_to_read = ((waits[1].revents | waits[2].revents) & POLLIN) != 0;
    if (waits[0].revents != 0 && !more_to_read) break;
  }
  end.status = child.wait();
  return end;
}
}  // namespace

Result<ProgramEnd> run_program(const Program& program) {
  SpawnPlan plan;
  UniqueFd input;
  if (program.input) {
    input = TRY(as_file(*program.input));
    plan.give(input.get(), STDIN_FILENO);
  } else if (program.input_descriptor >= 0) {
    plan.give(program.input_descriptor, STDIN_FILENO);
  }
  Pipe output = TRY(connect(plan, program.output, STDOUT_FILENO));
  Pipe errors = TRY(connect(plan, program.errors, STDERR_FILENO));
  if (!program.directory.empty()) plan.work_in(program.directory);

  Deadline deadline;
  if (program.timeout.count() > 0) deadline = std::chrono::steady_clock::now() + program.timeout;
  const auto arguments = as_arguments(program.words);
  const auto environment = program.environment ? as_arguments(*program.environment) : std::vector<char*>{};
  pid_t pid = 0;
  if (const int failed = plan.spawn(pid, arguments.data(), program.environment ? environment.data() : environ);
      failed != 0)
    return system_error(failed, "cannot start " + program.words[0]);
  Child child(pid);
  if (child.handle() < 0) return system_error(errno, "cannot wait for " + program.words[0]);
  output.theirs.reset();
  errors.theirs.reset();
  return attend(program, child, std::move(output.ours), std::move(errors.ours), deadline);
}

Result<ProgramEnd> run_program_well(const Program& program) {
  ProgramEnd end = TRY(run_program(program));
  if (end.ok()) return end;
  const size_t last = end.errors.find_last_not_of("\n");
  const std::string said = last == Bytes::npos ? "" : ": " + end.errors.substr(0, last + 1);
  return Error{Code::kInternal, str(program.words[0], " ended with status ", end.status, said)};
}

}  // namespace granary
