// StartedMachine: what one start of a machine came to, for granary-guest, the boot-complete mark and people:
// /run/granary-boot/machine.json. Written by init, once whole, read by others.
#pragma once

#include <string>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/base/result.h"

namespace granary {

struct StartedMachine {
  // What runs.
  std::string repository, repository_name;  // its UUID, and what people call it
  std::vector<std::string> urls;
  std::string trust;   // the name of the trust file
  std::string branch;  // of the lineage, also when a tag or a snapshot was asked for
  std::string asked;   // as in BootPin
  std::string snapshot, tree_digest, published_at, path;
  std::string how;        // "newest", "pinned", "trial"
  std::string freshness;  // "fresh", "stale", "unknown"

  // What it stands on.
  std::string scratch;      // "/dev/vda (LABEL=granary-scratch)", "memory"
  bool lasting = false;     // whether scratch outlives a reboot
  bool persistent = false;  // whether the OS's changes do
  bool recording = false;   // what is touched is recorded, until the start is complete
  std::string upper;        // the overlay's upper directory
  std::string proxy, context_source, instance_id, hostname, time;
  std::vector<std::string> addresses, dns;

  std::string granary, kernel, booted_at;
  uint64_t complete_timeout_seconds = 0;
  double seconds_to_switch = 0;

  bool operator==(const StartedMachine&) const = default;
};

Bytes serialise(const StartedMachine& machine);
Result<StartedMachine> parse_machine(ByteView text);  // kCorrupt; what is missing in an object is empty
// kNotFound: this machine was not started by a micro image.
Result<StartedMachine> load_machine();

}  // namespace granary
