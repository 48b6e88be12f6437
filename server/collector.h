// Garbage collection (docs/format.md, 8): finds the objects that nothing reaches, sets them aside in
// .granary/quarantine, and deletes them for good when they have lain there for the time of grace. Safe beside publishes
// and readers: what is newer than its start is left alone, every batch is taken away under the commit lock after the
// head was looked at again, and a publish that relied on an object takes it back from quarantine (Staging::confirm).
// Killed at any point it has lost nothing; the next run goes on.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "server/cook_branches.h"
#include "server/repository.h"

namespace granary {

struct CollectOptions {
  std::string directory;  // a repository or a mirror
  // Announced by this run, signed, unless they are in the head already: from `notice_seconds` from now on, older
  // untagged snapshots of these branches may go. Their `effective` is filled in.
  std::map<std::string, Retention> keep;
  int64_t notice_seconds = 14 * 86400;
  int64_t grace_seconds = 7 * 86400;
  // Cached layers of cooks that were not used for so long are let go; see server/cook_branches.h.
  int64_t cook_layers_older_seconds = kCookLayersOlderSeconds;
  bool dry_run = false;  // only count
  unsigned jobs = 0;     // 0: as many as cores
  const Clock* clock = &Clock::system();
  std::function<void()> after_mark = [] {};  // for tests: the world may change here
};

struct CollectProgress {
  const char* step = "";
  uint64_t done = 0, total = 0;
};

struct Collected {
  std::map<std::string, Retention> announced;  // by this run
  EvictedCooks evicted;
  std::string eviction_failure;  // why nothing was evicted; the rest went on
  uint64_t revision = 0;
  uint64_t snapshots = 0;                           // kept
  uint64_t live_objects = 0;                        // reached
  uint64_t quarantined = 0, quarantined_bytes = 0;  // set aside now (dry run: would be)
  uint64_t restored = 0;                            // taken back from quarantine, because something reaches them
  uint64_t deleted = 0, deleted_bytes = 0;          // for good, after their time of grace
  uint64_t waiting = 0, waiting_bytes = 0;          // still in quarantine
  uint64_t swept = 0;                               // stagings and temporary files of dead processes
};

//   kBusy      another collection is under way
//   kNotFound, kCorrupt  something reachable cannot be read: nothing was taken away; see `granary check`
//   kUntrusted the keys at hand may not announce
Result<Collected> collect(const CollectOptions& options,
                          const std::function<void(const CollectProgress&)>& on_progress = {});

// "main=5" (snapshots), "main=30d" (a time).
Result<std::pair<std::string, Retention>> parse_retention(const std::string& text);

}  // namespace granary
