#include "tools/vm/run_machine.h"

#include <fcntl.h>

#include "fs/base/file.h"
#include "tools/end_signals.h"
#include "tools/vm/qemu_process.h"

namespace granary {

namespace {
using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPollEvery{50};
constexpr std::chrono::seconds kPowerButtonPatience{60};

double seconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

std::string complaint_of_qemu(const std::string& folder) {
  const auto said = read_file(folder + "/qemu.log", 64 << 10);
  return said && !said->empty() ? ": " + said->substr(0, said->find_last_not_of('\n') + 1) : "";
}

// Everything that the console says, to wherever it is wanted.
class ConsoleReader {
 public:
  ConsoleReader(const std::string& folder, const UntilComplete& how, Io& io)
      : log_(folder + "/" + kConsoleLog), how_(how), io_(io) {}

  Status open() {
    if (how_.console_file.empty()) return Done{};
    file_ = TRY(open_file(how_.console_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    return Done{};
  }
  void read_on() {
    const Bytes more = log_.more();
    if (more.empty()) return;
    watch_.hear(more);
    if (file_.valid()) static_cast<void>(write_all(file_.get(), more));
    if (!how_.quiet) io_.err << more << std::flush;
  }
  const BootWatch& watch() const { return watch_; }

 private:
  GrowingFile log_;
  const UntilComplete& how_;
  Io& io_;
  UniqueFd file_;
  BootWatch watch_;
};

Status await_complete(QemuProcess& qemu, ConsoleReader& console, const EndSignals& end, const std::string& folder,
                      std::chrono::seconds timeout) {
  const auto until = SteadyClock::now() + timeout;
  for (;;) {
    const bool is_interrupted = end.come_within(kPollEvery);
    const auto ended = qemu.ended();  // before the last look at what it said
    console.read_on();
    if (console.watch().complete()) return Done{};
    if (is_interrupted) return Error{Code::kUnavailable, "interrupted; the machine is gone"};
    if (ended && *ended == 0)
      return not_complete("the machine ended or rebooted before it was complete", console.watch());
    if (ended) return not_complete(str("QEMU ended with status ", *ended, complaint_of_qemu(folder)), console.watch());
    if (SteadyClock::now() > until)
      return not_complete(str("the machine was not complete after ", timeout.count(), " s"), console.watch());
  }
}

// A clean end for the sake of its disk; else the end of QEMU does.
void press_power_button(QemuProcess& qemu, ConsoleReader& console, const EndSignals& end, const std::string& folder) {
  if (!tell_qemu(folder, "system_powerdown")) return;
  const auto until = SteadyClock::now() + kPowerButtonPatience;
  while (!qemu.ended() && SteadyClock::now() < until && !end.come_within(kPollEvery)) console.read_on();
  console.read_on();
}

void introduce(const PreparedMachine& prepared, const std::string& folder, Io& io) {
  if (prepared.server) io.err << "granary: serving the repository; in the machine it is " << prepared.url << "\n";
  if (prepared.machine.ssh_port != 0)
    io.err << "granary: ssh -p " << prepared.machine.ssh_port << " -i " << folder << "/" << kKeyFile
           << " root@127.0.0.1\n";
}
}  // namespace

Error not_complete(const std::string& why, const BootWatch& watch) {
  std::string message = why;
  if (!watch.failure().empty()) message += "; the newest failure: " + printable(watch.failure());
  const std::string last = watch.last_lines();
  return {Code::kUnavailable,
          message + (last.empty() ? "; its console said nothing" : "\nits console's last lines:\n" + last)};
}

Status run_at_terminal(const MachineRequest& request, Io& io) {
  const EndSignals end;  // before the server's threads are
  const TemporaryDirectory folder = TRY(TemporaryDirectory::make());
  PreparedMachine prepared = TRY(prepare_machine(request, folder.path(), false, io));
  introduce(prepared, folder.path(), io);
  io.err << "granary: Ctrl-A x ends the machine, Ctrl-A h shows QEMU's other keys" << std::endl;
  QemuProcess qemu = TRY(
      QemuProcess::start(TRY(find_qemu()), qemu_words(prepared.machine), folder.path(), QemuProcess::Terminal::kOurs));
  while (!qemu.ended() && !end.come_within(kPollEvery)) continue;
  qemu.end();
  const int status = qemu.wait();
  if (status != 0 && status < 128) return Error{Code::kUnavailable, str("QEMU ended with status ", status)};
  return Done{};
}

Result<Booted> run_until_complete(const MachineRequest& request, const UntilComplete& how, Io& io) {
  const EndSignals end;
  const TemporaryDirectory folder = TRY(TemporaryDirectory::make());
  PreparedMachine prepared = TRY(prepare_machine(request, folder.path(), false, io));
  prepared.machine.console = Machine::Console::kFile;
  prepared.machine.ends_at_reboot = true;
  ConsoleReader console(folder.path(), how, io);
  TRY(console.open());
  const auto begin = SteadyClock::now();
  QemuProcess qemu = TRY(
      QemuProcess::start(TRY(find_qemu()), qemu_words(prepared.machine), folder.path(), QemuProcess::Terminal::kNone));
  TRY(await_complete(qemu, console, end, folder.path(), how.timeout));
  Booted booted;
  booted.complete = *console.watch().complete();
  booted.seconds = seconds_since(begin);
  booted.kvm = prepared.machine.kvm;
  if (prepared.server) booted.served = prepared.server->counters();
  const bool disk_is_the_users = !request.disk.empty() && request.disk != "none";
  if (disk_is_the_users) press_power_button(qemu, console, end, folder.path());
  return booted;
}

}  // namespace granary
