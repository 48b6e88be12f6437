// Follower: keeps a mount at the newest snapshot of its branch, or brings it to the one that it is told. Looks within
// every interval at a time of its own, so that a thousand mounts do not ask at once, and whenever it is asked to.
//
// A new snapshot passes every check that mounting it would, is opened and compared beside the old one, then takes its
// place in one step; then the kernel forgets exactly what differs (forget_changes.h). Whatever is wrong with a new head
// or snapshot, the mount stays where it is, says why, and tries again: later and later while the trouble is the same.
//
// One thread of its own, whose reads are never in demand's way. Safe from many threads. Borrows everything.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <thread>

#include "fs/base/time.h"
#include "fs/client/forget_changes.h"
#include "fs/client/kept_snapshots.h"
#include "fs/client/served_snapshots.h"

namespace granary {

class MountControl;

// When to look next: somewhere in the second half of the interval, by a number from 0 to 1. After failures that are all
// the same, the interval counts twice for each, at most sixteen times.
std::chrono::milliseconds pause_before_look(std::chrono::seconds interval, unsigned same_failures, double where);

class Follower {
 public:
  struct Parts {
    ServedSnapshots& snapshots;
    Fetcher& fetcher;
    KernelCaches& caches;
    // The repository as it is now, verified: a fresh head each time.
    std::function<Result<ResolvedSnapshot>(const SnapshotSelector&)> resolve;
    // Leaves this to the worker that comes after a crash: before a switch and after it.
    std::function<void(const KeptSnapshots&)> keep;
    // After each switch, before the kernel has forgotten anything.
    std::function<void(const ServedSnapshots::Served& now)> switched;
    std::string mount_point;  // for the log
  };
  struct Options {
    SnapshotSelector selector;
    std::optional<std::chrono::seconds> interval;  // nothing: looks only when asked
    std::optional<SnapshotId> forgetting;          // a worker before this one was about to let the kernel forget it
  };

  // What a look came to.
  struct Outcome {
    SnapshotId from, to;
    ForgottenChanges forgotten;
  };
  struct State {
    std::optional<std::chrono::seconds> interval;  // nothing: does not follow
    std::optional<UnixSeconds> last_check, next_check, last_switch;
    uint64_t checks = 0;
    uint64_t switches = 0;
    std::string held_back_by;  // empty: nothing does
  };

  Follower(Parts parts, Options options);  // starts its thread
  ~Follower();

  // Looks as soon as it can: for the newest snapshot of its branch, or for another from now on; a number to ask with.
  //   kInvalid  the mount is pinned to a tag, an id or a date, and no other was named
  Result<uint64_t> look(std::optional<SnapshotSelector> to);
  // Nothing while it is under way. kNotFound: no such look, or not any more.
  std::optional<Result<Outcome>> outcome(uint64_t number) const;

  State state() const;
  std::string json() const;  // of the state, for `granary stat`
  // Looks no more. False when it is still inside one at the deadline: a source or a reader keeps it.
  bool stop(Deadline deadline);

  // True for what changes by itself: a branch, as it is now.
  static bool moves(const SnapshotSelector& selector, const ResolvedSnapshot& resolved);

 private:
  struct Asked {
    uint64_t number;
    std::optional<SnapshotSelector> to;
    std::optional<Result<Outcome>> outcome;
    bool begun = false;
  };

  void run();
  // Waits for the next look; false: the end. Nothing in `asked`: by the clock.
  bool wait_for_turn(std::optional<Asked>& asked);
  void look_for(const std::optional<Asked>& asked);
  Result<Outcome> look_once(const SnapshotSelector& selector);
  Result<Outcome> switch_to(ResolvedSnapshot resolved, const SnapshotSelector& selector);
  ForgottenChanges let_forget(MountedSnapshot& before, MountedSnapshot& after);
  void finish_last_switch();
  void note(const Result<Outcome>& outcome) REQUIRES(mutex_);
  // What is served now, without a switch that is not complete.
  void keep_present(const SnapshotSelector& selector);
  void plan_next() REQUIRES(mutex_);
  bool is_stopping() const;
  bool pause(std::chrono::milliseconds time);

  const Parts parts_;
  const std::optional<SnapshotId> unfinished_;

  mutable Mutex mutex_;
  mutable std::condition_variable changed_;
  SnapshotSelector selector_ GUARDED_BY(mutex_);
  State state_ GUARDED_BY(mutex_);
  std::optional<std::chrono::seconds> wanted_interval_ GUARDED_BY(mutex_);
  std::deque<Asked> asked_ GUARDED_BY(mutex_);  // oldest first
  uint64_t last_number_ GUARDED_BY(mutex_) = 0;
  unsigned same_failures_ GUARDED_BY(mutex_) = 0;
  Deadline next_look_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// "remount" or "remount SELECTOR" answers with the look's number; "remounted NUMBER" with its outcome as JSON: {} while
// it is under way, else {from, to, switched, names, attributes, listings}; or with the look's error.
void answer_remount(MountControl& control, Follower& follower);

}  // namespace granary
