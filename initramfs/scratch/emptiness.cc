#include "initramfs/scratch/emptiness.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr uint64_t kEdgeBytes = 4 << 20, kPieceBytes = 256 << 10, kSampleBytes = 4096, kSamples = 1024;

// By the routine of the C library that compares many bytes at a time: each is the same as the one after it.
bool all_zero(ByteView bytes) {
  return bytes.empty() || (bytes.front() == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

Result<bool> is_zero(int fd, uint64_t from, uint64_t to) {
  for (uint64_t at = from; at < to; at += kPieceBytes) {
    const size_t wanted = std::min(kPieceBytes, to - at);
    const Bytes piece = TRY(read_at(fd, static_cast<off_t>(at), wanted));
    // Shorter than it says it is: nothing that one should write to.
    if (piece.size() != wanted || !all_zero(piece)) return false;
  }
  return true;
}
}  // namespace

Result<bool> is_empty(int fd, uint64_t start, uint64_t size) {
  const uint64_t end = start + size;
  const uint64_t edge = std::min(kEdgeBytes, size);
  if (!TRY(is_zero(fd, start, start + edge)) || !TRY(is_zero(fd, end - edge, end))) return false;
  const uint64_t step = std::max(size / kSamples / kSampleBytes * kSampleBytes, kSampleBytes);
  // All at once, instead of a thousand times to the disk and back.
  for (uint64_t at = start + edge; at + kSampleBytes < end; at += step)
    (void)::posix_fadvise(fd, static_cast<off_t>(at), kSampleBytes, POSIX_FADV_WILLNEED);
  for (uint64_t at = start + edge; at + kSampleBytes < end; at += step) {
    if (!TRY(is_zero(fd, at, at + kSampleBytes))) return false;
  }
  return true;
}

}  // namespace granary
