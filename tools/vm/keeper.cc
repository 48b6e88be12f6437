#include "tools/vm/keeper.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <thread>

#include "fs/base/file.h"
#include "fs/base/time.h"
#include "tools/end_signals.h"
#include "tools/vm/qemu_process.h"

namespace granary {

namespace {
using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPollEvery{100};
constexpr std::chrono::seconds kPatienceAtTheStart{20};

void leave_terminal(const KeptMachine& machine) {
  ::setsid();
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd log(::open(machine.path("keeper.log").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  ::dup2(nothing.get(), STDIN_FILENO);
  ::dup2(log.get(), STDOUT_FILENO);
  ::dup2(log.get(), STDERR_FILENO);
  static_cast<void>(::chdir("/") == 0);
  ::umask(0077);
}

void clear_traces(const KeptMachine& machine) {
  for (const char* file : {kMonitorSocket, kConsoleSocket, "running.json"}) ::unlink(machine.path(file).c_str());
}

// QEMU answers at its monitor, or has told why not.
Status await_qemu(QemuProcess& qemu, const KeptMachine& machine) {
  const auto until = SteadyClock::now() + kPatienceAtTheStart;
  while (SteadyClock::now() < until) {
    if (qemu.ended()) {
      const auto said = read_file(machine.path("qemu.log"), 64 << 10);
      return Error{Code::kUnavailable, str("QEMU ended with status ", *qemu.ended(), ": ", said ? *said : "")};
    }
    if (connect_in(machine.folder(), kMonitorSocket)) return Done{};
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return Error{Code::kUnavailable, "QEMU does not answer at its monitor"};
}

class Keeper {
 public:
  explicit Keeper(const KeptMachine& machine) : machine_(machine), log_(machine.path(kConsoleLog)) {}

  Status start() {
    lock_ = TRY(FileLock::try_lock(machine_.path("lock")));
    clear_traces(machine_);
    ::rename(machine_.path(kConsoleLog).c_str(), machine_.path("console.log.1").c_str());
    Io io{std::cout, std::cerr};
    prepared_ = TRY(prepare_machine(machine_.request(), machine_.folder(), true, io));
    prepared_.machine.console = Machine::Console::kSocket;
    begin_ = SteadyClock::now();
    const std::string program = TRY(find_qemu());
    qemu_.emplace(TRY(
        QemuProcess::start(program, qemu_words(prepared_.machine), machine_.folder(), QemuProcess::Terminal::kNone)));
    TRY(await_qemu(*qemu_, machine_));
    now_.keeper = ProcessIdentity::of(::getpid());
    now_.qemu = ProcessIdentity::of(qemu_->pid());
    now_.ssh_port = prepared_.machine.ssh_port;
    now_.kvm = prepared_.machine.kvm;
    now_.url = prepared_.url;
    now_.started_at = Clock::system().now();
    return tell();
  }

  void keep(const EndSignals& end) {
    while (!qemu_->ended() && !end.come_within(kPollEvery)) look_at_console();
    qemu_->end();
    clear_traces(machine_);
  }

 private:
  Status tell() const {
    return replace_file(machine_.path("running.json"), now_.json().dump(2) + "\n", 0600, Durability::kFast);
  }

  void look_at_console() {
    watch_.hear(log_.more());
    if (watch_.completions() == now_.completions) return;
    now_.complete = *watch_.complete();
    if (now_.completions == 0)
      now_.complete_seconds = std::chrono::duration<double>(SteadyClock::now() - begin_).count();
    if (now_.completions == 0 && prepared_.server) now_.served = prepared_.server->counters();
    now_.completions = watch_.completions();
    const Status noted = machine_.note_first_snapshot(now_.complete.snapshot);
    if (!noted) std::cerr << "a reset will not return to this snapshot: " << noted.error().message << std::endl;
    static_cast<void>(tell());
  }

  const KeptMachine& machine_;
  std::optional<FileLock> lock_;
  PreparedMachine prepared_;
  std::optional<QemuProcess> qemu_;
  SteadyClock::time_point begin_;
  GrowingFile log_;
  BootWatch watch_;
  RunningMachine now_;
};
}  // namespace

void keep_machine(const KeptMachine& machine, int ready) {
  leave_terminal(machine);
  const EndSignals end;
  Keeper keeper(machine);
  const Status started = keeper.start();
  const std::string word = started ? "ok" : str(static_cast<int>(started.error().code), " ", started.error().message);
  static_cast<void>(write_all(ready, word));
  ::close(ready);
  if (started) keeper.keep(end);
  std::cerr.flush();
  ::_exit(started ? 0 : 1);
}

}  // namespace granary
