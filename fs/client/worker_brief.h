// WorkerBrief: what the worker behind a mount (fs/fuse/worker.h) is told about itself when it starts.
// WorkerStatus: that, and what it has made of itself, for `granary stat`. Value types.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/base/time.h"

namespace granary {

struct WorkerBrief {
  pid_t supervisor = 0;             // 0: there is none any more
  UnixSeconds mounted_at = 0;       // 0: not yet
  uint64_t restarts = 0;            // workers of this mount that died before it
  UnixSeconds last_restart_at = 0;  // 0: never
  std::string last_restart_cause;

  Bytes serialise() const {
    ByteWriter out;
    out.u32(static_cast<uint32_t>(supervisor)).i64(mounted_at).u64(restarts);
    return out.i64(last_restart_at).string(last_restart_cause).take();
  }
  // Zeros for what is missing.
  static WorkerBrief parse(ByteView bytes) {
    ByteReader in(bytes);
    WorkerBrief out;
    out.supervisor = static_cast<pid_t>(in.u32());
    out.mounted_at = in.i64();
    out.restarts = in.u64();
    out.last_restart_at = in.i64();
    out.last_restart_cause = in.string();
    return out;
  }
};

struct WorkerStatus {
  WorkerBrief brief;
  std::string version;
  std::string user;                  // whose rights it has
  std::vector<std::string> sandbox;  // "no-new-privileges", "no-capabilities", "landlock", "seccomp": what holds
};

}  // namespace granary
