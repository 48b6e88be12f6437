// Scratch: where this machine keeps its cache, its state and the OS's changes: a disk or partition of our own, or
// memory. In this order: a file system labelled granary-scratch; a disk that is entirely empty; an empty partition;
// the free space behind the partitions of Granary's own boot disk; memory, with a warning. A disk that holds anything
// else is never written to: what is not certainly empty is not empty.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "fs/base/result.h"
#include "initramfs/settings.h"

namespace granary {

struct Scratch {
  std::string device;  // "/dev/vda", "memory"
  bool lasting = false;
  uint64_t size_bytes = 0, free_bytes = 0;
  std::string told;                   // for people
  std::vector<std::string> warnings;  // likewise: what was repaired, given up, or not found
};

// Waits until drivers have found their disks: until nothing new has come for a moment, some seconds at most.
void settle_devices();

// The file system that a start before this one made, checked, grown if its disk has grown, with some room to write, and
// mounted at paths::kScratch; nothing when there is none, or none is wanted.
Result<std::optional<Scratch>> adopt_scratch(const Settings& settings);
// Makes one as above, and mounts it. Falls back to memory, saying why.
Result<Scratch> prepare_scratch(const Settings& settings);
// Unmounts it again.
void leave_scratch();

// Of the cache: what the settings say, but never more than leaves the OS some room.
uint64_t quota_bytes(const Settings& settings, const Scratch& scratch);

// A tmpfs for a writable layer that is gone at the next start.
Status mount_volatile_layer(const std::string& where);

}  // namespace granary
