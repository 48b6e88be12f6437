#include "fs/base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "fs/base/unique_name.h"

namespace granary {

Error system_error(int error_number, const std::string& what) {
  Code code = Code::kInternal;
  switch (error_number) {
    case ENOENT: code = Code::kNotFound; break;
    case EACCES:
    case EPERM: code = Code::kPermission; break;
    case ENOSPC:
    case EDQUOT: code = Code::kNoSpace; break;
    case EBUSY: code = Code::kBusy; break;
    default: break;
  }
  return {code, what + ": " + std::generic_category().message(error_number)};
}

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode) {
  int fd = -1;
  do fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) return system_error(errno, "cannot open " + printable(path));
  return UniqueFd(fd);
}

Result<Bytes> read_at(int fd, off_t offset, size_t size_bytes) {
  Bytes out(size_bytes, '\0');
  size_t done = 0;
  while (done < size_bytes) {
    const ssize_t n = ::pread(fd, out.data() + done, size_bytes - done, offset + static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot read");
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  out.resize(done);
  return out;
}

Result<Bytes> read_file(const std::string& path, size_t limit_bytes) {
  const UniqueFd fd = TRY(open_file(path, O_RDONLY));
  Bytes out;
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot read " + printable(path));
    if (n == 0) return out;
    out.append(buffer, static_cast<size_t>(n));
    if (out.size() > limit_bytes)
      return Error{Code::kEndlessData, str(printable(path), " is longer than the ", limit_bytes, " bytes it may have")};
  }
}

Status write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot write");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return Done{};
}

Status write_all_at(int fd, off_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot write");
    bytes.remove_prefix(static_cast<size_t>(n));
    offset += n;
  }
  return Done{};
}

std::string parent_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

namespace {
std::string temporary_name_beside(const std::string& path) {
  const auto name = std::filesystem::path(path).filename().string();
  return str(parent_of(path), "/.", name.substr(0, 64), ".", unique_name(), ".tmp");
}
}  // namespace

Status replace_file(const std::string& path, ByteView bytes, mode_t mode, Durability durability) {
  const std::string temporary = temporary_name_beside(path);
  const auto fill = [&]() -> Status {
    const UniqueFd fd = TRY(open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, mode));
    TRY(write_all(fd.get(), bytes));
    if (::fchmod(fd.get(), mode) != 0) return system_error(errno, "cannot set the mode");
    if (durability == Durability::kDurable && ::fsync(fd.get()) != 0) return system_error(errno, "cannot sync");
    if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error(errno, "cannot rename into place");
    return Done{};
  };
  if (const Status filled = fill(); !filled) {
    ::unlink(temporary.c_str());
    return filled.error().within("cannot write " + printable(path));
  }
  return durability == Durability::kDurable ? sync_directory(parent_of(path)) : Status(Done{});
}

Status make_directories(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return Done{};
  if (errno == ENOENT) {
    TRY(make_directories(parent_of(path), mode));
    if (::mkdir(path.c_str(), mode) == 0) return Done{};
  }
  struct stat info {};
  const int error_number = errno;
  if (error_number == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return Done{};
  return system_error(error_number, "cannot make directory " + printable(path));
}

Status sync_directory(const std::string& path) {
  const UniqueFd fd = TRY(open_file(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) return system_error(errno, "cannot sync " + printable(path));
  return Done{};
}

bool exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

Status remove_tree(const std::string& path) {
  std::error_code failure;
  std::filesystem::remove_all(path, failure);
  if (failure) return system_error(failure.value(), "cannot remove " + printable(path));
  return Done{};
}

Result<TemporaryDirectory> TemporaryDirectory::make(const std::string& parent) {
  const char* fallback = std::getenv("TMPDIR");
  std::string path = (!parent.empty() ? parent : fallback != nullptr ? fallback : "/tmp") + "/granary.XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return system_error(errno, "cannot make a temporary directory " + path);
  return TemporaryDirectory(std::move(path));
}

TemporaryDirectory::~TemporaryDirectory() {
  if (!path_.empty()) static_cast<void>(remove_tree(path_));
}

namespace {
Result<UniqueFd> lock_file(const std::string& path, int operation) {
  UniqueFd fd = TRY(open_file(path, O_RDWR | O_CREAT, 0600));
  int failed = 0;
  do failed = ::flock(fd.get(), operation);
  while (failed != 0 && errno == EINTR);
  if (failed != 0 && errno == EWOULDBLOCK) return Error{Code::kBusy, printable(path) + " is locked by another process"};
  if (failed != 0) return system_error(errno, "cannot lock " + printable(path));
  return fd;
}
}  // namespace

Result<FileLock> FileLock::wait(const std::string& path) { return FileLock(TRY(lock_file(path, LOCK_EX))); }
Result<FileLock> FileLock::try_lock(const std::string& path) {
  return FileLock(TRY(lock_file(path, LOCK_EX | LOCK_NB)));
}

}  // namespace granary
