#include "fs/store/cache_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include "fs/base/crash_point.h"
#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/base/unique_name.h"
#include "fs/store/pins.h"

namespace granary {

namespace {
constexpr uint64_t kNameBytes = 128;       // of an object, in its directory
constexpr uint64_t kOwnBytes = 32 * 1024;  // the directories and files around the objects
constexpr uint64_t kBlockBytes = 4096;
constexpr std::string_view kTagName = "CACHEDIR.TAG";
constexpr std::string_view kTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This directory holds a cache of Granary. Everything in it can be fetched again.\n"
    "# About cache directory tags: https://bford.info/cachedir/\n";
// "cook" is the builder's folder, which may have been there first.
constexpr std::array<std::string_view, 9> kOwnNames{"CACHEDIR.TAG", "objects", "tmp",        "usage", "lock",
                                                    "pins",         "gate",    "lost+found", "cook"};

int64_t access_time_ns(const struct stat& info) {
  return info.st_atim.tv_sec * int64_t{1'000'000'000} + info.st_atim.tv_nsec;
}

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

Result<Directory> open_directory(int at, const std::string& name) {
  const int fd = ::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return system_error(errno, "cannot open " + printable(name));
  DIR* const directory = ::fdopendir(fd);
  if (directory == nullptr) {
    const int error_number = errno;
    ::close(fd);
    return system_error(error_number, "cannot read " + printable(name));
  }
  return Directory(directory, &::closedir);
}

bool is_dot(const char* name) { return std::string_view(name) == "." || std::string_view(name) == ".."; }

std::string hex_folder(int number) {
  const auto byte = static_cast<char>(number);
  return to_hex({&byte, 1});
}

// A directory that nobody uses, one with our tag, or with nothing but our names in it.
Status check_is_cache(int directory, const std::string& path) {
  const UniqueFd tag(
      ::openat(directory, std::string(kTagName).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (tag.valid()) {
    const auto text = read_at(tag.get(), 0, kTag.size());
    if (text && *text == kTag) return Done{};
  }
  const Directory open = TRY(open_directory(directory, "."));
  while (const dirent* entry = ::readdir(open.get())) {
    const bool is_known = is_dot(entry->d_name) || std::find(kOwnNames.begin(), kOwnNames.end(),
                                                             std::string_view(entry->d_name)) != kOwnNames.end();
    if (is_known) continue;
    return Error{Code::kInvalid, str(printable(path), " holds ", printable(entry->d_name),
                                     ", and is no cache of Granary's: name an empty directory, or one to be made")};
  }
  return Done{};
}

Error not_ours(const std::string& what, const struct stat& info) {
  const std::string why = info.st_uid != ::geteuid() ? str("it belongs to user ", info.st_uid, ", not to ", ::geteuid())
                                                     : "others may write into it";
  return {Code::kPermission, str(printable(what), ": ", why, "; use a directory that is yours alone")};
}

// Names the new file, but never replaces one: each name is accounted for once.
int rename_new(int directory, const std::string& from, const std::string& to) {
  if (::renameat2(directory, from.c_str(), directory, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  // A file system without RENAME_NOREPLACE.
  if (::linkat(directory, from.c_str(), directory, to.c_str(), 0) != 0) return -1;
  return ::unlinkat(directory, from.c_str(), 0);
}
}  // namespace

Status make_cache_directory(const std::string& directory) {
  struct stat info {};
  if (::stat(directory.c_str(), &info) == 0) return Done{};
  if (errno != ENOENT) return system_error(errno, "cannot look at it");
  std::error_code ignored;
  const auto parent = std::filesystem::absolute(directory, ignored).parent_path().string();
  TRY(make_directories(parent));
  return make_directories(directory, 0700);
}

Status check_cache_directory(const std::string& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() && errno == ENOTDIR) return Error{Code::kInvalid, printable(directory) + " is not a directory"};
  if (!fd.valid()) return Done{};
  return check_is_cache(fd.get(), directory);
}

CacheFolder::CacheFolder(std::string path, UniqueFd directory, const struct stat& info)
    : path_(std::move(path)),
      directory_(std::move(directory)),
      device_(info.st_dev),
      inode_(info.st_ino),
      owner_(info.st_uid),
      usage_(directory_.get()) {
  struct statvfs disk {};
  if (::fstatvfs(directory_.get(), &disk) == 0)
    block_bytes_ = std::clamp<uint64_t>(disk.f_frsize, kBlockBytes, uint64_t{1} << 20);
}

Result<std::unique_ptr<CacheFolder>> CacheFolder::open(const std::string& directory) {
  TRY_WITHIN("cannot make cache " + printable(directory), make_cache_directory(directory));
  return open_checked(directory, true);
}

Result<std::unique_ptr<CacheFolder>> CacheFolder::open_existing(const std::string& directory) {
  auto folder = TRY(open_checked(directory, false));
  struct stat info {};
  if (::fstatat(folder->directory_.get(), "objects", &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode))
    return folder;
  return Error{Code::kNotFound, "there is no cache in " + printable(directory)};
}

Result<std::unique_ptr<CacheFolder>> CacheFolder::open_checked(const std::string& directory, bool only_ours) {
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() && errno == ENOTDIR) return Error{Code::kInvalid, printable(directory) + " is not a directory"};
  struct stat info {};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0)
    return system_error(errno, "cannot use cache " + printable(directory));
  const bool is_ours_alone = info.st_uid == ::geteuid() && (info.st_mode & 022) == 0;
  if (only_ours && !is_ours_alone) return not_ours("cannot use cache " + directory, info);
  TRY_WITHIN("cannot use it as a cache", check_is_cache(fd.get(), directory));
  std::error_code ignored;
  std::string path = std::filesystem::absolute(directory, ignored).string();
  return std::unique_ptr<CacheFolder>(new CacheFolder(std::move(path), std::move(fd), info));
}

Status CacheFolder::prepare() {
  for (const char* name : {"objects", "tmp"}) TRY(make_folder(name));
  TRY(check_folder("pins", true));
  for (int folder = 0; folder < 256; ++folder) TRY(check_folder("objects/" + hex_folder(folder), true));
  const UniqueFd lock(::openat(directory_.get(), "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!lock.valid() && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
    ::renameat(directory_.get(), "lock", directory_.get(), "tmp/lock");  // cleared there
  return write_tag();
}

bool CacheFolder::is_in_place() const {
  struct stat info {};
  return ::stat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_;
}

Result<bool> CacheFolder::make_folder(const std::string& name) {
  struct stat top {};
  const mode_t mode = ::fstat(directory_.get(), &top) == 0 ? top.st_mode & 0755 : 0700;
  for (int tries = 0; tries < 2; ++tries) {
    const bool is_made = ::mkdirat(directory_.get(), name.c_str(), 0700) == 0;
    if (!is_made && errno != EEXIST) return system_error(errno, "cannot make " + printable(path_ + "/" + name));
    if (is_made && mode != 0700) static_cast<void>(::fchmodat(directory_.get(), name.c_str(), mode, 0) == 0);
    const Status checked = check_folder(name, false);
    if (checked) return is_made;
    if (checked.error().code != Code::kNotFound) return checked.error();
  }
  return Error{Code::kUnavailable, printable(path_ + "/" + name) + " vanishes again and again"};
}

// Something else in its place is removed. kNotFound: so nothing is there now.
Status CacheFolder::check_folder(const std::string& name, bool may_be_missing) {
  struct stat info {};
  if (::fstatat(directory_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT && may_be_missing) return Done{};
    return system_error(errno, "cannot look at " + printable(path_ + "/" + name));
  }
  if (!S_ISDIR(info.st_mode)) {
    if (::unlinkat(directory_.get(), name.c_str(), 0) != 0)
      return system_error(errno, "cannot remove what is in the way: " + printable(path_ + "/" + name));
    log::warn("cache mended", {{"cache", path_}, {"removed", name}, {"cause", "not a directory"}});
    if (may_be_missing) return Done{};
    return Error{Code::kNotFound, printable(path_ + "/" + name) + " is gone"};
  }
  if (info.st_uid != owner_) return not_ours(path_ + "/" + name, info);
  if ((info.st_mode & 022) != 0 && ::fchmodat(directory_.get(), name.c_str(), info.st_mode & 0755, 0) != 0)
    return system_error(errno, "cannot keep others from writing into " + printable(path_ + "/" + name));
  return Done{};
}

Status CacheFolder::write_tag() {
  const std::string name(kTagName);
  const UniqueFd fd(::openat(directory_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd.valid() && errno == EEXIST) return Done{};
  if (!fd.valid()) return system_error(errno, "cannot write " + printable(path_ + "/" + name));
  const Status written = write_all(fd.get(), kTag);
  if (!written) ::unlinkat(directory_.get(), name.c_str(), 0);
  return written;
}

// --- one object

uint64_t CacheFolder::charge_of(uint64_t size_bytes) const {
  return std::max<uint64_t>(1, (size_bytes + block_bytes_ - 1) / block_bytes_) * block_bytes_ + kNameBytes;
}

uint64_t CacheFolder::room_for(const ObjectId& id, uint64_t size_bytes) const {
  const std::string path = object_path(id);
  const bool has_folder =
      ::faccessat(directory_.get(), path.substr(0, path.rfind('/')).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  return charge_of(size_bytes) + (has_folder ? 0 : block_bytes_);
}

// Root's and the directory's owner's, which nobody else may write, under no other name either.
bool CacheFolder::is_ours(const struct stat& info) const {
  return S_ISREG(info.st_mode) && (info.st_uid == owner_ || info.st_uid == 0) && (info.st_mode & 022) == 0 &&
         info.st_nlink <= 1;
}

Result<CacheFolder::Found> CacheFolder::find(const ObjectId& id) const {
  const std::string path = object_path(id);
  Found found;
  do found.fd.reset(::openat(directory_.get(), path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  while (!found.fd.valid() && errno == EINTR);
  if (!found.fd.valid() && (errno == ELOOP || errno == ENXIO || errno == EACCES))
    return Error{Code::kCorrupt, "not an object of ours"};
  if (!found.fd.valid()) return system_error(errno, "cannot open object " + id.brief());
  if (::fstat(found.fd.get(), &found.info) != 0) return system_error(errno, "cannot look at object " + id.brief());
  if (!is_ours(found.info)) return Error{Code::kCorrupt, "not an object of ours"};
  return found;
}

bool CacheFolder::holds(const ObjectId& id) const {
  struct stat info {};
  return ::fstatat(directory_.get(), object_path(id).c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode);
}

Result<CacheFolder::Temporary> CacheFolder::make_temporary(uint64_t reserved_bytes) {
  for (int tries = 0; tries < 8; ++tries) {
    Temporary temporary;
    temporary.name = str("tmp/", unique_name(), ".", reserved_bytes);
    const char* const name = temporary.name.c_str();
    temporary.fd.reset(::openat(directory_.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!temporary.fd.valid() && errno == EEXIST) continue;
    if (!temporary.fd.valid()) return system_error(errno, "cannot make " + printable(path_ + "/" + temporary.name));
    // Who clears away may have been between us and our lock.
    struct stat info {};
    const bool is_locked = ::flock(temporary.fd.get(), LOCK_EX | LOCK_NB) == 0;
    if (is_locked && ::fstat(temporary.fd.get(), &info) == 0 && info.st_nlink == 1) return temporary;
    ::unlinkat(directory_.get(), name, 0);
  }
  return Error{Code::kUnavailable, "no temporary file stays in " + printable(path_)};
}

void CacheFolder::drop_temporary(const Temporary& temporary) {
  ::unlinkat(directory_.get(), temporary.name.c_str(), 0);
}

Status CacheFolder::move_in(const ObjectId& id, const Temporary& temporary, uint64_t room_bytes) {
  const std::string path = object_path(id);
  struct stat top {
  }, info{};
  if (::fstat(directory_.get(), &top) != 0 || ::fstat(temporary.fd.get(), &info) != 0)
    return system_error(errno, "cannot look at a new object");
  const bool is_shared = (top.st_mode & 044) != 0;
  if (is_shared && ::fchmod(temporary.fd.get(), top.st_mode & 0644) != 0)
    return system_error(errno, "cannot let others read it");
  const bool may_make_folder = room_bytes > charge_of(static_cast<uint64_t>(info.st_size));
  if (may_make_folder && !TRY(make_folder(path.substr(0, path.rfind('/')))))
    static_cast<void>(usage_.release(block_bytes_));  // somebody else made and counted it
  if (rename_new(directory_.get(), temporary.name, path) == 0) return Done{};
  if (errno == EEXIST) return Error{Code::kConflict, "it is there already"};
  return system_error(errno, "cannot rename into place");
}

Result<uint64_t> CacheFolder::remove(const ObjectId& id, ino_t inode) {
  const std::string path = object_path(id);
  const UniqueFd fd(::openat(directory_.get(), path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return system_error(errno, "cannot find object " + id.brief());
  if (inode != 0 && info.st_ino != inode) return Error{Code::kNotFound, "another object has taken its place"};
  if (S_ISDIR(info.st_mode)) {
    clear_away(directory_.get(), path.c_str());
    return uint64_t{0};
  }
  if (::unlinkat(directory_.get(), path.c_str(), 0) != 0)
    return system_error(errno, "cannot remove object " + id.brief());
  crash_point("cache-after-unlink");
  // Somebody else's removal and another's arrival may have come in between: then it was another one.
  const bool was_this = ::fstat(fd.get(), &info) == 0 && info.st_nlink == 0;
  const uint64_t charge = was_this ? charge_of(static_cast<uint64_t>(info.st_size)) : charge_of(0);
  const bool is_empty = ::unlinkat(directory_.get(), path.substr(0, path.rfind('/')).c_str(), AT_REMOVEDIR) == 0;
  static_cast<void>(usage_.release(charge + (is_empty ? block_bytes_ : 0)));
  return charge;
}

// --- all of them

Result<CacheFolder::Scan> CacheFolder::scan(const std::function<bool()>& each_folder) {
  Scan scan;
  const SharedUsage::Beginning beginning = TRY(usage_.begin_count());
  scan.charge_bytes = kOwnBytes;
  scan_temporaries(scan);  // first: what moves in meanwhile is counted twice rather than never
  for (int folder = 0; folder < 256; ++folder) {
    if (!each_folder()) return Error{Code::kUnavailable, "stopped"};
    TRY(scan_folder(hex_folder(folder), scan));
  }
  const auto pins = open_directory(directory_.get(), "pins");
  while (const dirent* entry = pins ? ::readdir(pins->get()) : nullptr) {
    struct stat info {};
    if (is_dot(entry->d_name) || ::fstatat(::dirfd(pins->get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    scan.charge_bytes += charge_of(static_cast<uint64_t>(info.st_size));
  }
  scan.charge_bytes = TRY(usage_.finish_count(beginning, scan.charge_bytes)).used_bytes;
  return scan;
}

Result<CacheFolder::Scan> CacheFolder::list(int folder) {
  Scan scan;
  TRY(scan_folder(hex_folder(folder), scan));
  return scan;
}

uint64_t CacheFolder::clear_leftovers() {
  Scan scan;
  scan_temporaries(scan);
  return scan.cleared;
}

void CacheFolder::scan_temporaries(Scan& scan) {
  const auto open = open_directory(directory_.get(), "tmp");
  if (!open) return;
  const int tmp = ::dirfd(open->get());
  while (const dirent* entry = ::readdir(open->get())) {
    if (is_dot(entry->d_name)) continue;
    const UniqueFd fd(::openat(tmp, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    const bool is_live = fd.valid() && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (is_live) {
      const std::string name = entry->d_name;
      scan.charge_bytes += std::strtoull(name.c_str() + std::min(name.size(), name.find('.') + 1), nullptr, 10);
      continue;
    }
    clear_away(tmp, entry->d_name);
    ++scan.cleared;
  }
}

Status CacheFolder::scan_folder(const std::string& prefix, Scan& scan) {
  static const ObjectId kEmpty = ObjectId::of("");
  struct stat top {};
  const bool is_shared = ::fstat(directory_.get(), &top) == 0 && (top.st_mode & 044) != 0;
  const auto open = open_directory(directory_.get(), "objects/" + prefix);
  if (!open && open.error().code == Code::kNotFound) return Done{};
  if (!open) return open.error();
  scan.charge_bytes += block_bytes_;
  const int folder = ::dirfd(open->get());
  while (const dirent* entry = ::readdir(open->get())) {
    struct stat info {};
    if (is_dot(entry->d_name) || ::fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    const auto id = Digest::parse(prefix + entry->d_name);
    const bool is_empty = info.st_size == 0 && (!id || *id != kEmpty);
    if (!id || !is_ours(info) || is_empty) {
      clear_away(folder, entry->d_name);
      ++scan.cleared;
      if (::fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0)
        scan.charge_bytes += charge_of(static_cast<uint64_t>(info.st_size));
      continue;
    }
    if (is_shared && (info.st_mode & 0044) != (top.st_mode & 0044))
      static_cast<void>(::fchmodat(folder, entry->d_name, top.st_mode & 0644, 0) == 0);
    const auto size_bytes = static_cast<uint64_t>(info.st_size);
    scan.charge_bytes += charge_of(size_bytes);
    scan.objects.push_back({*id, charge_of(size_bytes), size_bytes, access_time_ns(info)});
  }
  return Done{};
}

// A file, a link, or a directory with all that is in it; follows nothing.
void CacheFolder::clear_away(int directory, const char* name) {
  if (::unlinkat(directory, name, 0) == 0 || (errno != EISDIR && errno != EPERM)) return;
  {
    const auto open = open_directory(directory, name);
    while (const dirent* entry = open ? ::readdir(open->get()) : nullptr) {
      if (!is_dot(entry->d_name)) clear_away(::dirfd(open->get()), entry->d_name);
    }
  }
  ::unlinkat(directory, name, AT_REMOVEDIR);
}

}  // namespace granary
