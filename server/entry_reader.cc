#include "server/entry_reader.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>

#include "fs/base/file.h"

namespace granary {

namespace {
Result<NodeType> type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return NodeType::kFile;
    case S_IFDIR: return NodeType::kDirectory;
    case S_IFLNK: return NodeType::kSymlink;
    case S_IFCHR: return NodeType::kCharDevice;
    case S_IFBLK: return NodeType::kBlockDevice;
    case S_IFIFO: return NodeType::kFifo;
    case S_IFSOCK: return NodeType::kSocket;
    default: return Error{Code::kUnsupported, "it is of a type unknown to Granary"};
  }
}

Result<struct statx> look(int directory, const char* name) {
  struct statx info {};
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name == '\0' ? AT_EMPTY_PATH : 0);
  if (::statx(directory, name, flags, STATX_BASIC_STATS, &info) != 0) return system_error(errno, "cannot look at it");
  return info;
}

FileStat stat_of(const struct statx& info) {
  FileStat stat;
  stat.size_bytes = info.stx_size;
  stat.mtime = info.stx_mtime.tv_sec;
  stat.mtime_ns = info.stx_mtime.tv_nsec;
  stat.ctime = info.stx_ctime.tv_sec;
  stat.ctime_ns = info.stx_ctime.tv_nsec;
  stat.inode = info.stx_ino;
  stat.device = makedev(info.stx_dev_major, info.stx_dev_minor);
  stat.mode = info.stx_mode;
  return stat;
}

Result<HostEntry> entry_of(const struct statx& info) {
  HostEntry entry;
  entry.node.type = TRY(type_of(info.stx_mode));
  entry.node.mode = static_cast<uint16_t>(info.stx_mode & 07777);
  entry.node.uid = info.stx_uid;
  entry.node.gid = info.stx_gid;
  entry.node.mtime = info.stx_mtime.tv_sec;
  entry.node.mtime_ns = info.stx_mtime.tv_nsec;
  entry.node.device_major = info.stx_rdev_major;
  entry.node.device_minor = info.stx_rdev_minor;
  entry.stat = stat_of(info);
  entry.nlink = info.stx_nlink;
  entry.is_mount_point = (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  return entry;
}

// Calls `fetch(buffer, size)` until the answer fits. Both listing and getting an attribute work like this.
template <class Fetch>
Result<Bytes> fetch_growing(const Fetch& fetch) {
  Bytes buffer(256, '\0');
  for (int attempt = 0; attempt < 8; ++attempt) {
    const ssize_t size = fetch(buffer.data(), buffer.size());
    if (size >= 0) return buffer.substr(0, static_cast<size_t>(size));
    if (errno == ENOTSUP || errno == ENODATA) return Bytes{};
    if (errno != ERANGE) return system_error(errno, "cannot read its extended attributes");
    buffer.resize(buffer.size() * 8);
  }
  return Error{Code::kUnsupported, "its extended attributes are too large"};
}

template <class List, class Get>
Result<std::vector<Xattr>> read_xattrs(const List& list, const Get& get) {
  const Bytes names = TRY(fetch_growing(list));
  std::vector<Xattr> xattrs;
  for (size_t at = 0; at < names.size(); at += xattrs.back().name.size() + 1) {
    Xattr xattr{names.c_str() + at, {}};
    xattr.value = TRY(fetch_growing([&](char* to, size_t size) { return get(xattr.name.c_str(), to, size); }));
    xattrs.push_back(std::move(xattr));
  }
  std::sort(xattrs.begin(), xattrs.end());
  return xattrs;
}

Result<Bytes> read_target(int directory, const Bytes& name) {
  Bytes target(kMaxTargetBytes + 1, '\0');
  const ssize_t size = ::readlinkat(directory, name.c_str(), target.data(), target.size());
  if (size < 0) return system_error(errno, "cannot read the link");
  target.resize(static_cast<size_t>(size));
  return target;
}

// The longest piece of a path that the kernel takes at once.
constexpr size_t kMaxPathPieceBytes = 4000;

Result<UniqueFd> open_piece(int directory, const Bytes& path, int flags) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != EINTR && errno != EAGAIN) return system_error(errno, "cannot open it");
  }
}
}  // namespace

Result<HostEntry> read_entry(int directory, const Bytes& name) {
  const struct statx info = TRY(look(directory, name.c_str()));
  HostEntry entry = TRY(entry_of(info));
  if (entry.node.type == NodeType::kSymlink) entry.target = TRY(read_target(directory, name));
  const std::string path = str("/proc/self/fd/", directory, "/", name);  // there is no lgetxattrat
  entry.xattrs = TRY(read_xattrs(
      [&](char* to, size_t size) { return ::llistxattr(path.c_str(), to, size); },
      [&](const char* attribute, char* to, size_t size) { return ::lgetxattr(path.c_str(), attribute, to, size); }));
  return entry;
}

Result<HostEntry> read_entry(int fd) {
  const struct statx info = TRY(look(fd, ""));
  HostEntry entry = TRY(entry_of(info));
  entry.xattrs = TRY(
      read_xattrs([&](char* to, size_t size) { return ::flistxattr(fd, to, size); },
                  [&](const char* attribute, char* to, size_t size) { return ::fgetxattr(fd, attribute, to, size); }));
  return entry;
}

Result<FileStat> read_stat(int fd) { return stat_of(TRY(look(fd, ""))); }

Result<UniqueFd> open_below(int directory, ByteView path, int flags) {
  if (path.empty()) path = ".";
  UniqueFd above;
  while (path.size() > kMaxPathPieceBytes) {
    const size_t slash = path.rfind('/', kMaxPathPieceBytes);
    above =
        TRY(open_piece(above.valid() ? above.get() : directory, Bytes(path.substr(0, slash)), O_PATH | O_DIRECTORY));
    path.remove_prefix(slash + 1);
  }
  return open_piece(above.valid() ? above.get() : directory, Bytes(path), flags);
}

}  // namespace granary
