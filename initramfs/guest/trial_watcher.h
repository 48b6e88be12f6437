// The trial watcher: a process of ours that reboots the machine when an update under trial has not reached the
// boot-complete mark in time, however badly the OS hangs. Started by init, in the lasting root; ends when the trial has
// been decided.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "fs/base/result.h"

namespace granary {

Status start_trial_watcher(std::chrono::seconds timeout);
// `granary-init watch-trial SECONDS`, in the lasting root.
int watch_trial(const std::vector<std::string>& arguments);

}  // namespace granary
