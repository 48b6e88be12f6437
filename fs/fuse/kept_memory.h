// KeptMemory: what a worker leaves to the one that comes after it, however it ended: bytes in a memory file
// (memfd_create(2)) that the supervisor holds. Two copies take turns, each with its number and its digest: whoever is
// killed in the middle of `keep` leaves the copy before it: number n lies in place n % 2. A reader believes nothing it
// finds there but what the digest covers, and the digest proves that a copy is whole, not that its writer was honest:
// parse it like foreign bytes. Safe from many threads; one process at a time writes.
#pragma once

#include <cstdint>
#include <optional>

#include "fs/base/bytes.h"
#include "fs/base/mutex.h"
#include "fs/base/unique_fd.h"

namespace granary {

class KeptMemory {
 public:
  static constexpr size_t kHeaderBytes = 8 + 8 + 32;  // number, size, SHA-256 of both and the bytes
  static constexpr size_t kCopyBytes = size_t{1} << 20;
  static constexpr size_t kMaxBytes = kCopyBytes - kHeaderBytes;

  // Holds nothing yet.
  static Result<KeptMemory> create();
  // Goes on with the memory of somebody else; takes the descriptor over.
  //   kInvalid  not such a memory
  static Result<KeptMemory> adopt(UniqueFd fd);
  KeptMemory(KeptMemory&& other) noexcept : fd_(std::move(other.fd_)) {}

  // Replaces what is kept, in one step: a reader finds the old or the new, never a part.
  //   kInvalid  more than kMaxBytes
  Status keep(ByteView bytes);
  // What was kept last, if anything whole was.
  std::optional<Bytes> kept() const;
  // To be handed on; borrowed.
  int fd() const { return fd_.get(); }

  // The newest whole copy in a memory's bytes, and its number.
  struct Copy {
    uint64_t number;
    ByteView bytes;
  };
  static std::optional<Copy> newest_in(ByteView memory);

 private:
  explicit KeptMemory(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
  mutable Mutex mutex_;  // of what the memory holds
};

}  // namespace granary
