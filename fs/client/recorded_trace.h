// From what a recorder took in to a trace: inode numbers become paths and contents, by the catalog. May wait for parts
// of the catalog.
#pragma once

#include "fs/client/mounted_snapshot.h"
#include "fs/format/profile_trace.h"

namespace granary {

struct RecordedTrace {
  Trace trace;
  uint64_t directories = 0;
  uint64_t files = 0;
  uint64_t bytes = 0;      // of the files' ranges
  uint64_t lost = 0;       // touches whose path could not be told: a part of the catalog could not be had
  bool truncated = false;  // the recorder was full, or a trace would be longer than one may be
};

// `repository` and `snapshot` are what is mounted; `snapshot_rows` is where its rows are.
RecordedTrace trace_of(const TouchRecorder::Recording& recording, const std::string& repository,
                       const SnapshotId& snapshot, MountedSnapshot& snapshot_rows);

}  // namespace granary
