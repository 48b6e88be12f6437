// MountStatus: what a mount says about itself: one JSON document for `granary stat`, short answers for the
// user.granary.* attributes. Safe from many threads. Borrows everything; it outlives the status.
#pragma once

#include <string>

#include "fs/base/time.h"
#include "fs/client/background_fill.h"
#include "fs/client/follower.h"
#include "fs/client/profile_replay.h"
#include "fs/client/served_snapshots.h"
#include "fs/client/worker_brief.h"
#include "fs/store/cache.h"

namespace granary {

class MountStatus {
 public:
  struct Parts {
    const ServedSnapshots& snapshots;
    const Fetcher& fetcher;
    const Cache& cache;
    const BackgroundFill& fill;
    const WorkerStatus& worker;
    std::string mount_point;
    std::string cache_directory;
    std::string log;                        // where its lines go: a file, "syslog" or "stderr"
    const ProfileReplay* replay = nullptr;  // nothing when no profile is replayed
  };
  explicit MountStatus(Parts parts) : parts_(std::move(parts)) {}
  const Parts& parts() const { return parts_; }

  // From then on `json` tells how it follows; borrowed.
  void follow(const Follower& follower) { follower_.store(&follower); }

  // Keys are stable once published (docs/operations.md).
  std::string json() const;
  // Of what is being recorded (TouchRecorder); "null" while nothing is.
  std::string recording() const;
  // For the root: "repository", "snapshot", "counters" …; nothing when there is no such word.
  std::optional<Bytes> word(std::string_view key) const;

 private:
  const Parts parts_;
  std::atomic<const Follower*> follower_{nullptr};
};

}  // namespace granary
