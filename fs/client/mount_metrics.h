// What a mount counts, for Prometheus. Never waits: nothing here takes a lock that is held while something is read,
// written or fetched.
#pragma once

#include <functional>
#include <string>

#include "fs/base/log_queue.h"
#include "fs/client/mount_status.h"
#include "fs/client/operation_metrics.h"
#include "fs/client/watchdog.h"

namespace granary {

// What the mount status does not know of; nothing of it has to be there.
struct MountMeasures {
  const OperationMetrics* operations = nullptr;
  const log::LogQueue* log = nullptr;
  const Watchdog* watchdog = nullptr;
  std::function<size_t()> parked_requests;
};

// One JSON document for `granary stat`: what MountStatus says, and `parked`, `stalls`, `latency`, `log_lines`.
std::string stat_of(const MountStatus& status, const MountMeasures& measures);

// Prometheus' text format, each sample with the labels `repository` and `mount` (docs/operations.md has the names).
std::string metrics_of(const MountStatus& status, const MountMeasures& measures);

}  // namespace granary
