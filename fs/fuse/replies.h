// Answers to the kernel, each counted and traced (RequestWatch). What libfuse says of having sent them is of no use:
// the kernel no longer wants an answer, or the mount is gone.
#pragma once

#include <cerrno>
#include <cstring>

#include "fs/fuse/request_watch.h"

namespace granary {

inline void reply_error(fuse_req_t request, int error_number) {
  const RequestWatch::Answer answer(request, -error_number);
  fuse_reply_err(request, error_number);
}
inline void reply_entry(fuse_req_t request, const fuse_entry_param& entry) {
  const RequestWatch::Answer answer(request, entry.ino == 0 ? -ENOENT : 0);
  fuse_reply_entry(request, &entry);
}
inline void reply_attributes(fuse_req_t request, const struct stat& attributes, double timeout_seconds) {
  const RequestWatch::Answer answer(request, 0);
  fuse_reply_attr(request, &attributes, timeout_seconds);
}
inline void reply_link(fuse_req_t request, const char* target) {
  const RequestWatch::Answer answer(request, static_cast<int64_t>(std::strlen(target)));
  fuse_reply_readlink(request, target);
}
inline void reply_open(fuse_req_t request, const fuse_file_info* file) {
  const RequestWatch::Answer answer(request, 0);
  fuse_reply_open(request, file);
}
inline void reply_bytes(fuse_req_t request, const char* bytes, size_t size_bytes) {
  const RequestWatch::Answer answer(request, static_cast<int64_t>(size_bytes));
  fuse_reply_buf(request, bytes, size_bytes);
}
inline void reply_size(fuse_req_t request, size_t size_bytes) {
  const RequestWatch::Answer answer(request, 0);
  fuse_reply_xattr(request, size_bytes);
}
inline void reply_statfs(fuse_req_t request, const struct statvfs& info) {
  const RequestWatch::Answer answer(request, 0);
  fuse_reply_statfs(request, &info);
}
inline void reply_offset(fuse_req_t request, off_t offset_bytes) {
  const RequestWatch::Answer answer(request, 0);
  fuse_reply_lseek(request, offset_bytes);
}

}  // namespace granary
