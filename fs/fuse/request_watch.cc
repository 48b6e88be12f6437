#include "fs/fuse/request_watch.h"

#include <limits>

namespace granary {

void RequestWatch::finish(int64_t result) {
  RequestNote& note = current();
  const auto took = RequestNote::Time::clock::now() - note.since;
  note.request = nullptr;
  if (note.watch == nullptr) return;
  note.watch->metrics_.answered(note.operation, note.wait, took, result);
  if (note.watch->trace_.is_on()) note.watch->trace(note, took, result);
}

void RequestWatch::trace(const RequestNote& note, std::chrono::nanoseconds took, int64_t result) {
  TracedOperation traced;
  traced.time_ns = std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
  traced.duration_ns = static_cast<uint64_t>(took.count());
  traced.inode = note.inode;
  traced.offset_bytes = note.offset_bytes;
  traced.size_bytes = static_cast<uint32_t>(std::min<uint64_t>(note.size_bytes, std::numeric_limits<uint32_t>::max()));
  traced.result = static_cast<int32_t>(std::min<int64_t>(result, std::numeric_limits<int32_t>::max()));
  traced.thread = static_cast<uint32_t>(note.thread);
  traced.operation = note.operation;
  traced.wait = note.wait;
  traced.name = note.name_view();
  trace_.record(traced);
}

}  // namespace granary
