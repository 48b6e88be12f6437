#include "fs/fuse/kept_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include "fs/base/crash_point.h"
#include "fs/base/digest.h"
#include "fs/base/file.h"

namespace granary {

namespace {
constexpr off_t kMemoryBytes = 2 * KeptMemory::kCopyBytes;

Bytes head_of(uint64_t number, ByteView bytes) {
  ByteWriter head;
  head.u64(number).u64(bytes.size());
  const Digest digest = Sha256().update(head.view()).update(bytes).finish();
  return head.bytes(digest.raw()).take();
}

std::optional<KeptMemory::Copy> copy_at(ByteView place) {
  ByteReader reader(place);
  const uint64_t number = reader.u64();
  const uint64_t size = reader.u64();
  reader.bytes(Digest::kSizeBytes);
  if (!reader.ok() || number == 0 || size > reader.remaining()) return std::nullopt;
  const ByteView bytes = reader.bytes(size);
  if (head_of(number, bytes) != place.substr(0, KeptMemory::kHeaderBytes)) return std::nullopt;
  return KeptMemory::Copy{number, bytes};
}
}  // namespace

Result<KeptMemory> KeptMemory::create() {
  UniqueFd fd(::memfd_create("granary-kept", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid() || ::ftruncate(fd.get(), kMemoryBytes) != 0 ||
      ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return system_error(errno, "cannot make a memory that outlives the worker");
  return KeptMemory(std::move(fd));
}

Result<KeptMemory> KeptMemory::adopt(UniqueFd fd) {
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error(errno, "cannot use what the last worker kept");
  if (!S_ISREG(info.st_mode) || info.st_size != kMemoryBytes)
    return Error{Code::kInvalid, "cannot use what the last worker kept: not such a memory"};
  return KeptMemory(std::move(fd));
}

Status KeptMemory::keep(ByteView bytes) {
  if (bytes.size() > kMaxBytes)
    return Error{Code::kInvalid, str("cannot keep ", bytes.size(), " bytes: at most ", kMaxBytes)};
  const MutexLock lock(mutex_);
  const Bytes all = TRY(read_at(fd_.get(), 0, kMemoryBytes));
  const auto newest = newest_in(all);
  const uint64_t number = newest ? newest->number + 1 : 1;
  const off_t place = static_cast<off_t>(number % 2 * kCopyBytes);
  TRY(write_all_at(fd_.get(), place + static_cast<off_t>(kHeaderBytes), bytes));
  crash_point("kept-before-head");
  TRY(write_all_at(fd_.get(), place, head_of(number, bytes)));
  crash_point("kept");
  return Done{};
}

std::optional<Bytes> KeptMemory::kept() const {
  const MutexLock lock(mutex_);
  const auto all = read_at(fd_.get(), 0, kMemoryBytes);
  const auto newest = all ? newest_in(*all) : std::nullopt;
  if (!newest) return std::nullopt;
  return Bytes(newest->bytes);
}

std::optional<KeptMemory::Copy> KeptMemory::newest_in(ByteView memory) {
  std::optional<Copy> newest;
  for (size_t place = 0; place < memory.size(); place += kCopyBytes) {
    const auto copy = copy_at(memory.substr(place, kCopyBytes));
    if (copy && (!newest || copy->number > newest->number)) newest = copy;
  }
  return newest;
}

}  // namespace granary
