// MountProbe: whether a mount answers: its process, its control socket, its root, a file, its head. Looks in a child
// process, so that a mount that hangs never hangs whoever asks.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "fs/client/mount_table.h"

namespace granary {

struct ProbeCheck {
  enum class Outcome { kOk, kWarning, kFailed };
  std::string name;  // "process", "worker", "head", "statfs", "root", "read"
  Outcome outcome = Outcome::kOk;
  double milliseconds = 0;
  std::string detail;  // for people; empty: nothing to say
};

struct ProbeReport {
  MountPoint mount;
  std::vector<ProbeCheck> checks;

  ProbeCheck::Outcome worst() const;
  // The first check that went wrong, in words; empty: none.
  std::string complaint() const;
};

// All at the same time, in the order of `mounts`, within little more than `timeout`.
std::vector<ProbeReport> probe_mounts(const std::vector<MountPoint>& mounts, std::chrono::milliseconds timeout);

const char* name_of(ProbeCheck::Outcome outcome);  // "ok", "warning", "failed"

}  // namespace granary
