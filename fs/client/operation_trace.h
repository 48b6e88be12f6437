// OperationTrace: the last operations of a mount, one record each, in a ring in shared memory: a file of mode 0600 in
// the runtime directory (a tmpfs), which whoever may read it can read while the mount lives, after its worker was
// killed, and after it is gone. Switched on and off at any time; off, it costs one relaxed load.
//
// The file: a header of kHeaderBytes, then `capacity` records of kRecordBytes. Record number n (from 0) lies at n
// modulo capacity; its first field, n + 1, is written last, so that a torn or missing record is recognised.
// Little-endian.
//   header  "GRNTRACE", u32 version 1, u32 record size, u64 capacity, u64 records ever begun, i64 nanoseconds since
//           1970 when it was started, u32 process, u32 length of the mount point and its bytes (at most 4,000)
// Nothing read from such a file is trusted. Recording is safe from many threads and processes.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/base/unique_fd.h"
#include "fs/client/operation_metrics.h"

namespace granary {

struct TracedOperation {
  static constexpr size_t kMostNameBytes = 40;

  uint64_t number = 0;  // from 0
  int64_t time_ns = 0;  // since 1970, when it was answered
  uint64_t duration_ns = 0;
  uint64_t inode = 0;
  uint64_t offset_bytes = 0;
  uint32_t size_bytes = 0;
  int32_t result = 0;  // bytes of the answer, or a negative errno
  uint32_t thread = 0;
  Operation operation = Operation::kOther;
  OperationMetrics::Wait wait = OperationMetrics::Wait::kHit;
  std::string name;  // of a lookup or xattr: its end, as far as it fits
};

struct TraceFile {
  uint64_t capacity = 0;
  uint64_t begun = 0;
  int64_t started_ns = 0;
  uint32_t process = 0;
  std::string mount_point;
  std::vector<TracedOperation> operations;  // oldest first

  // kCorrupt: not such a file. Records that are torn are left out.
  static Result<TraceFile> parse(ByteView bytes);
};

class OperationTrace {
 public:
  static constexpr uint64_t kCapacity = 32768;
  static constexpr size_t kHeaderBytes = 4096;
  static constexpr size_t kRecordBytes = 96;
  // In the runtime directory, by the path of the mount.
  static std::string file_name(const std::string& mount_point);

  // For whoever holds the mount, and has the rights: an empty file in `directory` for the worker that is about to
  // answer; one that the worker before has written to is kept as FILE.old.
  static Result<UniqueFd> make_file(const std::string& directory, const std::string& mount_point);
  // Removes it if nothing was ever written to it.
  static void forget_unused_file(const std::string& directory, const std::string& mount_point);

  explicit OperationTrace(std::string mount_point) : mount_point_(std::move(mount_point)) {}
  ~OperationTrace();  // the file stays

  // Takes over what `make_file` made; before the first `start`.
  void record_into(UniqueFd file) { fd_ = std::move(file); }
  // Records from now on; what was recorded before stays. kUnsupported: there is no file. One thread at a time.
  Status start();
  void stop() { recording_.store(false, std::memory_order_relaxed); }
  bool is_on() const { return recording_.load(std::memory_order_relaxed); }

  void record(const TracedOperation& operation) {
    if (is_on()) write(operation);
  }

 private:
  void write(const TracedOperation& operation);
  std::atomic<uint64_t>& begun() const;
  std::atomic<uint64_t>& number_at(uint64_t place) const;

  const std::string mount_point_;
  UniqueFd fd_;
  std::atomic<bool> recording_{false};
  std::atomic<char*> mapping_{nullptr};  // made when it first starts, kept until the end
};

// "lookup", "read": kInvalid for anything else.
Result<Operation> parse_operation(std::string_view name);

}  // namespace granary
