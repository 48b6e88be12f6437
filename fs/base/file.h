// Small files read and written whole, and the words for what the operating system refused.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "fs/base/bytes.h"
#include "fs/base/unique_fd.h"

namespace granary {

// The Error for a failed system call: its Code from `error_number`, its message
// "<what>: <the system's words>". ENOENT is kNotFound, EACCES and EPERM kPermission,
// ENOSPC and EDQUOT kNoSpace, EBUSY kBusy, the rest kInternal.
Error system_error(int error_number, const std::string& what);

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode = 0);

// The whole of a file of at most `limit_bytes`; kEndlessData when it is longer.
Result<Bytes> read_file(const std::string& path, size_t limit_bytes);
// Exactly `size_bytes` from `offset`, fewer only at the end of the file.
Result<Bytes> read_at(int fd, off_t offset, size_t size_bytes);
Status write_all(int fd, ByteView bytes);
Status write_all_at(int fd, off_t offset, ByteView bytes);

enum class Durability { kFast, kDurable };
// Replaces `path` in one step: a reader sees the old file or the new one, never a part.
// kDurable: file and directory entry are on the disk on return.
Status replace_file(const std::string& path, ByteView bytes, mode_t mode, Durability durability);

Status make_directories(const std::string& path, mode_t mode = 0755);  // as mkdir -p
Status sync_directory(const std::string& path);
bool exists(const std::string& path);
std::string parent_of(const std::string& path);  // "." of a name alone
// Removes a file or a whole directory; already gone is success. Never follows a symbolic link.
Status remove_tree(const std::string& path);

// A fresh directory, removed with all its contents when this goes.
class TemporaryDirectory {
 public:
  // Made inside `parent`, or in $TMPDIR or /tmp when that is empty.
  static Result<TemporaryDirectory> make(const std::string& parent = {});
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// An exclusive advisory lock on a file, let go when this goes.
class FileLock {
 public:
  // Waits for the lock; creates the file (mode 0600) if it is missing.
  static Result<FileLock> wait(const std::string& path);
  // kBusy when somebody else holds it.
  static Result<FileLock> try_lock(const std::string& path);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace granary
