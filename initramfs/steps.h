// Steps: how the start of a machine goes on, and what happens when it cannot. A step that must succeed is tried again
// with growing pauses if trying again may help; then a shell is offered, if that was asked for; then the machine
// reboots, powers off or halts, as the settings say. Nothing is tried for ever. One thread, of process 1.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "initramfs/boot_log.h"
#include "initramfs/settings.h"

namespace granary {

// What it did, in words for people.
using Step = std::function<Result<std::string>()>;

class Steps {
 public:
  // Borrows both; `settings` may change between steps.
  Steps(BootLog& log, const Settings& settings) : log_(log), settings_(settings) {}

  // Returns when it has succeeded, if at all.
  void must(const char* name, const Step& step);
  // The machine goes on without it; whether it succeeded.
  bool should(const char* name, const Step& step);

 private:
  BootLog& log_;
  const Settings& settings_;
};

// Its outcome in the end: what may pass is tried again as often as the settings say.
Result<std::string> insist(BootLog& log, const Settings& settings, const char* name, const Step& step);
// Whether the same may succeed a little later.
bool may_pass(Code code);
// Before attempt number `attempt` (the first is 0): 0, 1, 2, 4 … at most 15 seconds.
std::chrono::seconds pause_before(uint32_t attempt);
// "reboot", "poweroff" or "halt". What time does not heal is not healed by a reboot, so that is a power-off, and so is
// the reboot of a machine that has failed kMaxFailures times in a row.
inline constexpr uint32_t kMaxFailures = 5;
std::string action_after(const Settings& settings, Code code, uint32_t failures_in_a_row);

// A shell on the console; returns when it is left.
void offer_shell(BootLog& log, const std::string& why);
// Ends the machine.
[[noreturn]] void end_machine(const std::string& action);

// Starts that failed one after the other, counted on the scratch disk.
uint32_t count_failure();
void forget_failures();

}  // namespace granary
