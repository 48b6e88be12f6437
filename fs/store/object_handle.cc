#include "fs/store/object_handle.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace granary {

namespace {
// While its disk hangs: what the kernel still has in memory.
ssize_t read_without_waiting(int fd, char* into, size_t length, uint64_t offset) {
  const iovec part{into, length};
  return ::preadv2(fd, &part, 1, static_cast<off_t>(offset), RWF_NOWAIT);
}

Result<size_t> read_file_at(const ObjectHandle::File& file, uint64_t offset, char* into, size_t length) {
  size_t done = 0;
  while (done < length) {
    const auto watched = file.watch ? file.watch->begin() : std::optional(DiskWatch::Operation(nullptr));
    const ssize_t n = watched ? ::pread(file.fd.get(), into + done, length - done, static_cast<off_t>(offset + done))
                              : read_without_waiting(file.fd.get(), into + done, length - done, offset + done);
    if (n < 0 && !watched) return Error{Code::kUnavailable, "cannot read a cached object: its disk does not answer"};
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return Error{Code::kUnavailable, str("cannot read a cached object: ", std::generic_category().message(errno))};
    if (n == 0) return Error{Code::kUnavailable, "cannot read a cached object: the file became shorter"};
    done += static_cast<size_t>(n);
  }
  return done;
}
}  // namespace

Result<size_t> ObjectHandle::read_at(uint64_t offset, char* into, size_t length) const {
  if (offset >= size_bytes()) return size_t{0};
  length = static_cast<size_t>(std::min<uint64_t>(length, size_bytes() - offset));
  if (file_) return read_file_at(*file_, offset, into, length);
  std::memcpy(into, bytes_->data() + offset, length);
  return length;
}

Result<Bytes> ObjectHandle::range(uint64_t offset, size_t length) const {
  const uint64_t left = offset < size_bytes() ? size_bytes() - offset : 0;
  Bytes out(static_cast<size_t>(std::min<uint64_t>(length, left)), '\0');
  TRY(read_at(offset, out.data(), out.size()));
  return out;
}

Result<SharedBytes> ObjectHandle::whole() const {
  if (bytes_) return bytes_;
  return std::make_shared<const Bytes>(TRY(range(0, static_cast<size_t>(size_bytes()))));
}

}  // namespace granary
