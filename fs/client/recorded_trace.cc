#include "fs/client/recorded_trace.h"

#include <algorithm>

namespace granary {

namespace {
// After so many failures in a row the source is taken to be away, and nobody waits for the rest.
constexpr int kMaxFailuresInARow = 3;
constexpr size_t kMaxTraceHeadBytes = 512;

class TraceWriter {
 public:
  TraceWriter(MountedSnapshot& rows, RecordedTrace& out) : rows_(rows), out_(out) {}

  // False when there is no room for more.
  bool add(const Touched& touched) {
    const auto touch = touch_of(touched);
    if (!touch) {
      const bool vanished = touch.error().code == Code::kNotFound;  // an inode of another snapshot
      if (!vanished) ++out_.lost, ++failures_;
      return failures_ < kMaxFailuresInARow;
    }
    failures_ = 0;
    size_bytes_ += serialised_bytes(*touch);
    if (size_bytes_ > Trace::kMaxBytes) return false;
    ++(touched.is_directory ? out_.directories : out_.files);
    for (const ByteRange& range : touch->ranges) out_.bytes += range.length_bytes;
    out_.trace.touches.push_back(*touch);
    return true;
  }

 private:
  Result<Touch> touch_of(const Touched& touched) {
    const Row row = TRY(rows_.row(touched.inode));
    if (row->node.is_directory() != touched.is_directory) return Error{Code::kNotFound, "of another kind"};
    Touch touch;
    touch.kind = touched.is_directory ? Touch::Kind::kDirectory : Touch::Kind::kFile;
    touch.path = TRY(rows_.path_of(row));
    if (touch.path.size() >= Trace::kMaxPathBytes) return Error{Code::kNotFound, "nested too deep to be named"};
    if (touched.is_directory) return touch;
    touch.content = row->node.digest;
    for (const auto& [from, to] : touched.ranges) {
      const uint64_t end = std::min(to, row->node.size_bytes);
      if (from < end) touch.ranges.push_back({from, end - from});
    }
    return touch;
  }

  MountedSnapshot& rows_;
  RecordedTrace& out_;
  size_t size_bytes_ = kMaxTraceHeadBytes;
  int failures_ = 0;  // in a row
};
}  // namespace

RecordedTrace trace_of(const TouchRecorder::Recording& recording, const std::string& repository,
                       const SnapshotId& snapshot, MountedSnapshot& snapshot_rows) {
  RecordedTrace out;
  out.trace.repository = repository;
  out.trace.snapshot = snapshot;
  out.trace.time = recording.started_at;
  out.truncated = recording.truncated;
  TraceWriter writer(snapshot_rows, out);
  for (const Touched& touched : recording.touched) {
    if (writer.add(touched)) continue;
    out.truncated = true;
    break;
  }
  return out;
}

}  // namespace granary
