#include "fs/client/operation_trace.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "fs/base/digest.h"
#include "fs/base/file.h"

namespace granary {

namespace {
constexpr char kMagic[] = "GRNTRACE";  // its NUL is not written
constexpr size_t kMagicBytes = 8;
constexpr uint32_t kVersion = 1;
constexpr size_t kBegunAt = kMagicBytes + 4 + 4 + 8;
constexpr size_t kMaxMountPointBytes = 4000;
constexpr size_t kFileBytes = OperationTrace::kHeaderBytes + OperationTrace::kCapacity * OperationTrace::kRecordBytes;

int64_t now_ns() { return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count(); }

// All but the first field.
Bytes record_bytes(const TracedOperation& operation) {
  const ByteView name =
      ByteView(operation.name)
          .substr(operation.name.size() - std::min(operation.name.size(), TracedOperation::kMostNameBytes));
  ByteWriter out;
  out.i64(operation.time_ns).u64(operation.duration_ns).u64(operation.inode).u64(operation.offset_bytes);
  out.u32(operation.size_bytes).u32(static_cast<uint32_t>(operation.result)).u32(operation.thread);
  out.u8(static_cast<uint8_t>(operation.operation)).u8(static_cast<uint8_t>(operation.wait));
  out.u8(static_cast<uint8_t>(name.size())).u8(0).bytes(name);
  Bytes bytes = out.take();
  bytes.resize(OperationTrace::kRecordBytes - sizeof(uint64_t));
  return bytes;
}

// Nothing when the record is torn, or not there yet.
bool parse_record(ByteReader in, TracedOperation& out) {
  const uint64_t number = in.u64();
  out.number = number - 1;
  out.time_ns = in.i64();
  out.duration_ns = in.u64();
  out.inode = in.u64();
  out.offset_bytes = in.u64();
  out.size_bytes = in.u32();
  out.result = static_cast<int32_t>(in.u32());
  out.thread = in.u32();
  const uint8_t operation = in.u8();
  const uint8_t wait = in.u8();
  const uint8_t name_bytes = in.u8();
  in.u8();
  if (number == 0 || operation >= kOperations || wait > 1 || name_bytes > TracedOperation::kMostNameBytes) return false;
  out.operation = static_cast<Operation>(operation);
  out.wait = static_cast<OperationMetrics::Wait>(wait);
  out.name = in.bytes(name_bytes);
  return in.ok();
}

bool was_written(const std::string& file) {
  struct stat info {};
  return ::lstat(file.c_str(), &info) == 0 && info.st_size > 0;
}
}  // namespace

std::string OperationTrace::file_name(const std::string& mount_point) {
  return "trace." + Digest::of(mount_point).brief();
}

OperationTrace::~OperationTrace() {
  if (char* const mapping = mapping_.load()) ::munmap(mapping, kFileBytes);
}

std::atomic<uint64_t>& OperationTrace::begun() const {
  return *reinterpret_cast<std::atomic<uint64_t>*>(mapping_.load(std::memory_order_acquire) + kBegunAt);
}

std::atomic<uint64_t>& OperationTrace::number_at(uint64_t place) const {
  return *reinterpret_cast<std::atomic<uint64_t>*>(mapping_.load(std::memory_order_acquire) + kHeaderBytes +
                                                   place * kRecordBytes);
}

Result<UniqueFd> OperationTrace::make_file(const std::string& directory, const std::string& mount_point) {
  const std::string file = directory + "/" + file_name(mount_point);
  if (was_written(file)) ::rename(file.c_str(), (file + ".old").c_str());
  ::unlink(file.c_str());
  return TRY_WITHIN("cannot trace", open_file(file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
}

void OperationTrace::forget_unused_file(const std::string& directory, const std::string& mount_point) {
  const std::string file = directory + "/" + file_name(mount_point);
  if (!was_written(file)) ::unlink(file.c_str());
}

// The mapping stays until the end: a thread may be writing into it. All of the file is written first, because what a
// full tmpfs has no room for would be a SIGBUS later.
Status OperationTrace::start() {
  if (is_on()) return Done{};
  if (!fd_.valid()) return Error{Code::kUnsupported, "this mount could not make a file to trace into: see its log"};
  if (mapping_.load() == nullptr) {
    Bytes content = ByteWriter()
                        .bytes({kMagic, kMagicBytes})
                        .u32(kVersion)
                        .u32(kRecordBytes)
                        .u64(kCapacity)
                        .u64(0)
                        .i64(now_ns())
                        .u32(static_cast<uint32_t>(::getpid()))
                        .string(ByteView(mount_point_).substr(0, kMaxMountPointBytes))
                        .take();
    content.resize(kFileBytes);
    TRY_WITHIN("cannot trace", write_all_at(fd_.get(), 0, content));
    void* const start = ::mmap(nullptr, kFileBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (start == MAP_FAILED) return system_error(errno, "cannot trace: cannot map the file");
    mapping_.store(static_cast<char*>(start));
  }
  recording_.store(true);
  return Done{};
}

void OperationTrace::write(const TracedOperation& operation) {
  const uint64_t number = begun().fetch_add(1, std::memory_order_relaxed);
  const uint64_t place = number % kCapacity;
  std::atomic<uint64_t>& announced = number_at(place);
  announced.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  const Bytes bytes = record_bytes(operation);
  std::memcpy(mapping_.load() + kHeaderBytes + place * kRecordBytes + sizeof(uint64_t), bytes.data(), bytes.size());
  announced.store(number + 1, std::memory_order_release);
}

Result<TraceFile> TraceFile::parse(ByteView bytes) {
  const Error not_one{Code::kCorrupt, "not a trace of operations, or of another version"};
  ByteReader header(bytes);
  if (header.bytes(kMagicBytes) != ByteView(kMagic, kMagicBytes) || header.u32() != kVersion ||
      header.u32() != OperationTrace::kRecordBytes)
    return not_one;
  TraceFile file;
  file.capacity = header.u64();
  file.begun = header.u64();
  file.started_ns = header.i64();
  file.process = header.u32();
  file.mount_point = header.string();
  if (!header.ok() || bytes.size() < OperationTrace::kHeaderBytes || file.mount_point.size() > kMaxMountPointBytes)
    return not_one;
  const ByteView records = bytes.substr(OperationTrace::kHeaderBytes);
  if (file.capacity == 0 || file.capacity > records.size() / OperationTrace::kRecordBytes) return not_one;
  const uint64_t held = std::min(file.begun, file.capacity);
  file.operations.reserve(held);
  for (uint64_t number = file.begun - held; number < file.begun; ++number) {
    TracedOperation operation;
    const size_t at = (number % file.capacity) * OperationTrace::kRecordBytes;
    const bool is_whole = parse_record(ByteReader(records.substr(at, OperationTrace::kRecordBytes)), operation);
    if (is_whole && operation.number == number) file.operations.push_back(std::move(operation));
  }
  return file;
}

Result<Operation> parse_operation(std::string_view name) {
  for (size_t i = 0; i < kOperations; ++i) {
    if (name == name_of(static_cast<Operation>(i))) return static_cast<Operation>(i);
  }
  std::string known;
  for (size_t i = 0; i < kOperations; ++i) known += str(i == 0 ? "" : ", ", name_of(static_cast<Operation>(i)));
  return Error{Code::kInvalid, str("no such operation: ", printable(name), " (", known, ")")};
}

}  // namespace granary
