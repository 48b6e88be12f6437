// ObjectHandle: one verified plain object, open for reading in ranges: in memory, or a file of the cache.
// Cheap to copy; every copy keeps the bytes alive, also after the cache has evicted the object.
// Safe from many threads.
#pragma once

#include "fs/base/unique_fd.h"
#include "fs/format/object.h"
#include "fs/store/disk_watch.h"

namespace granary {

class ObjectHandle {
 public:
  // An open file that holds exactly the object's plain bytes from its beginning.
  struct File {
    UniqueFd fd;
    uint64_t size_bytes = 0;
    std::shared_ptr<DiskWatch> watch{};  // of the disk that it lies on, if anybody watches that

    ~File() {
      if (watch && watch->hangs()) watch->bury(std::move(fd));
    }
  };

  static ObjectHandle in_memory(SharedBytes bytes) { return ObjectHandle(std::move(bytes), nullptr); }
  static ObjectHandle in_file(std::shared_ptr<const File> file) { return ObjectHandle(nullptr, std::move(file)); }

  uint64_t size_bytes() const { return file_ ? file_->size_bytes : bytes_->size(); }

  // Copies the bytes from `offset` on into `into`: exactly `length`, fewer only at the end of the object.
  //   kUnavailable  the cache's disk refused, lost bytes or hangs: Fetcher::discard the object and fetch it again
  Result<size_t> read_at(uint64_t offset, char* into, size_t length) const;
  Result<Bytes> range(uint64_t offset, size_t length) const;
  Result<SharedBytes> whole() const;

  // For replies that need no copy: the memory, or the descriptor (-1 when in memory; stays ours).
  ByteView memory() const { return bytes_ ? ByteView(*bytes_) : ByteView(); }
  int fd() const { return file_ ? file_->fd.get() : -1; }

 private:
  ObjectHandle(SharedBytes bytes, std::shared_ptr<const File> file)
      : bytes_(std::move(bytes)), file_(std::move(file)) {}

  SharedBytes bytes_;  // one of the two
  std::shared_ptr<const File> file_;
};

}  // namespace granary
