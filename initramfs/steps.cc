#include "initramfs/steps.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/wait.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "fs/base/file.h"
#include "initramfs/paths.h"

namespace granary {

namespace {
const std::string kFailuresFile = std::string(paths::kStateFolder) + "/failures";

// A session of its own with the console as its terminal, so that ^C works.
[[noreturn]] void become_shell() {
  ::setsid();
  ::ioctl(STDIN_FILENO, TIOCSCTTY, 1);
  ::setenv("PS1", "(granary rescue) ", 1);
  ::setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
  ::execl("/bin/sh", "sh", "-i", nullptr);
  ::execl(paths::kBusybox, "sh", "-i", nullptr);
  ::_exit(127);
}

uint32_t failures_so_far() {
  const auto text = read_file(kFailuresFile, 64);
  uint32_t count = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), count);
  return count;
}
}  // namespace

void Steps::must(const char* name, const Step& step) {
  Result<std::string> outcome = insist(log_, settings_, name, step);
  if (!outcome && settings_.rescue) {
    offer_shell(log_, str("step ", name, " failed; it is tried once more when you leave this shell"));
    outcome = step();
  }
  if (outcome) return log_.done(name, *outcome);
  log_.failed(name, outcome.error().message);
  const uint32_t failures = count_failure();
  const std::string action = action_after(settings_, outcome.error().code, failures);
  const bool in_vain = action != settings_.on_failure;
  log_.note(str("cannot start this machine: ", action, " in 10 s",
                in_vain ? " (granary.on_failure says reboot, which would not help)" : "",
                settings_.rescue ? "" : "; granary.rescue on the kernel command line gives a shell here"));
  std::this_thread::sleep_for(std::chrono::seconds(10));
  end_machine(action);
}

bool Steps::should(const char* name, const Step& step) {
  const Result<std::string> outcome = step();
  if (outcome)
    log_.done(name, *outcome);
  else
    log_.failed(name, outcome.error().message);
  return bool(outcome);
}

Result<std::string> insist(BootLog& log, const Settings& settings, const char* name, const Step& step) {
  for (uint32_t attempt = 0;; ++attempt) {
    Result<std::string> outcome = step();
    if (outcome || !may_pass(outcome.error().code) || attempt >= settings.retries) return outcome;
    const auto pause = pause_before(attempt + 1);
    log.note(str(name, ": ", outcome.error().message, "; again in ", pause.count(), " s (", attempt + 1, " of ",
                 settings.retries, ")"));
    std::this_thread::sleep_for(pause);
  }
}

bool may_pass(Code code) { return code == Code::kUnavailable || code == Code::kBusy || code == Code::kInternal; }

std::chrono::seconds pause_before(uint32_t attempt) {
  if (attempt == 0) return std::chrono::seconds(0);
  return std::chrono::seconds(attempt > 4 ? 15 : 1 << (attempt - 1));
}

std::string action_after(const Settings& settings, Code code, uint32_t failures_in_a_row) {
  if (settings.on_failure != "reboot") return settings.on_failure;
  return may_pass(code) && failures_in_a_row < kMaxFailures ? "reboot" : "poweroff";
}

void offer_shell(BootLog& log, const std::string& why) {
  log.note("rescue shell: " + why);
  const pid_t shell = ::fork();
  if (shell == 0) become_shell();
  if (shell < 0) return log.failed("rescue", "cannot start a shell");
  ::waitpid(shell, nullptr, 0);
}

void end_machine(const std::string& action) {
  ::sync();
  ::reboot(action == "poweroff" ? RB_POWER_OFF : action == "halt" ? RB_HALT_SYSTEM : RB_AUTOBOOT);
  // It cannot fail for process 1; if it does all the same, process 1 must not end.
  for (;;) ::pause();
}

uint32_t count_failure() {
  const uint32_t count = failures_so_far() + 1;
  if (exists(paths::kStateFolder)) (void)replace_file(kFailuresFile, std::to_string(count), 0600, Durability::kDurable);
  return count;
}

void forget_failures() {
  if (exists(kFailuresFile)) (void)remove_tree(kFailuresFile);
}

}  // namespace granary
