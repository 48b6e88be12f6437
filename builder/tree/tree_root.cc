#include "builder/tree/tree_root.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr size_t kMaxOpenDirectories = 200;

// Without slashes at either end.
std::string relative(const std::string& path) {
  const size_t begin = path.find_first_not_of('/');
  if (begin == std::string::npos) return {};
  return path.substr(begin, path.find_last_not_of('/') - begin + 1);
}

std::pair<std::string, std::string> split(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

bool climbs(const std::string& path) { return ("/" + path + "/").find("/../") != std::string::npos; }
}  // namespace

Result<TreeRoot> TreeRoot::open(const std::string& path, Links links) {
  UniqueFd root = TRY(open_file(path, O_PATH | O_DIRECTORY));
  return TreeRoot(path, std::move(root), links);
}

Error TreeRoot::failed(int error_number, const std::string& path) const {
  const std::string what = printable(path_ + "/" + path);
  if (error_number == ELOOP && links_ == Links::kRefuse)
    return {Code::kInvalid, what + " leads through a symbolic link"};
  if (error_number == ENOTDIR) return {Code::kInvalid, what + ": not a directory on the way"};
  return system_error(error_number, what);
}

Result<UniqueFd> TreeRoot::open_beneath(const std::string& path, int flags) const {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_NO_MAGICLINKS;
  how.resolve |= links_ == Links::kFollow ? RESOLVE_IN_ROOT : RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const std::string name = relative(path);
  for (int attempt = 0;; ++attempt) {
    const long fd = ::syscall(SYS_openat2, root_.get(), name.empty() ? "." : name.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != EAGAIN || attempt == 100) return failed(errno, name);  // EAGAIN: something was renamed meanwhile
  }
}

Result<int> TreeRoot::directory(const std::string& path, bool make) {
  if (path.empty()) return root_.get();
  if (const auto found = directories_.find(path); found != directories_.end()) return found->second.get();
  auto opened = open_beneath(path, O_PATH | O_DIRECTORY);
  if (!opened && opened.error().code == Code::kNotFound && make) {
    const auto [above, name] = split(path);
    const int parent = TRY(directory(above, true));
    if (::mkdirat(parent, name.c_str(), 0755) != 0 && errno != EEXIST) return failed(errno, path);
    opened = open_beneath(path, O_PATH | O_DIRECTORY);
  }
  if (!opened) return opened.error();
  if (directories_.size() >= kMaxOpenDirectories) directories_.clear();
  return directories_.emplace(path, std::move(*opened)).first->second.get();
}

Result<TreeRoot::Place> TreeRoot::place(const std::string& path) {
  const std::string clean = relative(path);
  if (climbs(clean)) return Error{Code::kInvalid, printable(path) + " climbs out of its directory"};
  if (clean.empty()) return Place{root_.get(), "."};
  const auto [above, name] = split(clean);
  const int parent = TRY(directory(above, false));
  return Place{parent, name};
}

Result<TreeRoot::Place> TreeRoot::make_way(const std::string& path) {
  const std::string clean = relative(path);
  if (climbs(clean)) return Error{Code::kInvalid, printable(path) + " climbs out of its directory"};
  if (clean.empty()) return Place{root_.get(), "."};
  const auto [above, name] = split(clean);
  const int parent = TRY(directory(above, true));
  return Place{parent, name};
}

Result<std::optional<struct stat>> TreeRoot::look(const std::string& path) {
  const auto at = place(path);
  if (!at && at.error().code == Code::kNotFound) return std::optional<struct stat>();
  const Place there = TRY(at);
  struct stat attributes {};
  if (::fstatat(there.directory, there.name.c_str(), &attributes, AT_SYMLINK_NOFOLLOW) == 0)
    return std::optional(attributes);
  if (errno == ENOENT) return std::optional<struct stat>();
  return failed(errno, path);
}

bool TreeRoot::has(const std::string& path) {
  const auto found = look(path);
  return found && found->has_value();
}

bool TreeRoot::is_directory(const std::string& path) const {
  return open_beneath(path, O_PATH | O_DIRECTORY).has_value();
}

Result<Bytes> TreeRoot::read(const std::string& path, size_t limit_bytes) const {
  const UniqueFd file = TRY(open_beneath(path, O_RDONLY | O_NONBLOCK));
  Bytes content;
  for (;;) {
    const Bytes more = TRY(read_at(file.get(), static_cast<off_t>(content.size()), 1 << 20));
    if (more.empty()) return content;
    content += more;
    if (content.size() > limit_bytes)
      return Error{Code::kEndlessData, str(printable(path), " is longer than ", limit_bytes, " bytes")};
  }
}

Result<Bytes> TreeRoot::read_if_there(const std::string& path, size_t limit_bytes) const {
  auto content = read(path, limit_bytes);
  if (!content && content.error().code == Code::kNotFound) return Bytes();
  return content;
}

Status TreeRoot::write(const std::string& path, ByteView content, mode_t mode, uid_t uid, gid_t gid) {
  const Place at = TRY(make_way(path));
  const std::string temporary = at.name.substr(0, 200) + ".granary-new";
  ::unlinkat(at.directory, temporary.c_str(), 0);
  const UniqueFd file(
      ::openat(at.directory, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return failed(errno, path);
  TRY_WITHIN("cannot write " + printable(path), write_all(file.get(), content));
  if (::fchown(file.get(), uid, gid) != 0 || ::fchmod(file.get(), mode) != 0 ||
      ::renameat(at.directory, temporary.c_str(), at.directory, at.name.c_str()) != 0)
    return failed(errno, path);
  return Done{};
}

Status TreeRoot::remove(const std::string& path) {
  const auto at = place(path);
  if (!at && at.error().code == Code::kNotFound) return Done{};
  const Place there = TRY(at);
  if (::unlinkat(there.directory, there.name.c_str(), 0) == 0 || errno == ENOENT) return Done{};
  if (errno == EISDIR && ::unlinkat(there.directory, there.name.c_str(), AT_REMOVEDIR) == 0) return Done{};
  return failed(errno, path);
}

Status TreeRoot::remove_all(const std::string& path) {
  const auto found = TRY(look(path));
  if (!found) return Done{};
  if (!S_ISDIR(found->st_mode)) return remove(path);
  const Place at = TRY(place(path));
  // By way of the descriptor: what lies above cannot lead elsewhere.
  return remove_tree(str("/proc/self/fd/", at.directory, "/", at.name));
}

}  // namespace granary
