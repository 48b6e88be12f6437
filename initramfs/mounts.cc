#include "initramfs/mounts.h"

#include <cerrno>

#include "fs/base/bytes.h"
#include "fs/base/file.h"

namespace granary {

namespace {
// The kernel writes blanks, tabs, newlines and backslashes as \NNN.
std::string unescaped(std::string_view text) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 3 < text.size() + 0 && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
                        is_octal(text[i + 3]);
    if (!escape) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) | (text[i + 3] - '0'));
    i += 3;
  }
  return out;
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  while (!line.empty()) {
    const size_t end = line.find(' ');
    if (end != 0) fields.push_back(line.substr(0, end));
    if (end == std::string_view::npos) break;
    line.remove_prefix(end + 1);
  }
  return fields;
}
}  // namespace

Status mount_at(const MountRequest& request) {
  TRY(make_directories(request.where));
  const char* options = request.options.empty() ? nullptr : request.options.c_str();
  if (::mount(request.what.c_str(), request.where.c_str(), request.type.c_str(), request.flags, options) != 0)
    return system_error(errno, str("cannot mount ", request.what, " (", request.type, ") at ", request.where));
  return Done{};
}

Status move_mount_to(const std::string& from, const std::string& to) {
  TRY(make_directories(to));
  if (::mount(from.c_str(), to.c_str(), nullptr, MS_MOVE, nullptr) != 0)
    return system_error(errno, str("cannot move the mount ", from, " to ", to));
  return Done{};
}

Status unmount(const std::string& where, int flags) {
  if (::umount2(where.c_str(), flags | UMOUNT_NOFOLLOW) == 0 || errno == EINVAL || errno == ENOENT) return Done{};
  return system_error(errno, "cannot unmount " + where);
}

std::vector<MountedAt> parse_mount_info(std::string_view text) {
  std::vector<MountedAt> mounts;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const auto fields = fields_of(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    // id parent major:minor root WHERE options [tags]... - TYPE source options
    size_t dash = 6;
    while (dash < fields.size() && fields[dash] != "-") ++dash;
    if (fields.size() < 7 || dash + 1 >= fields.size()) continue;
    mounts.push_back({unescaped(fields[4]), std::string(fields[dash + 1])});
  }
  return mounts;
}

std::vector<MountedAt> mounted_now() {
  const auto text = read_file("/proc/self/mountinfo", 4 << 20);
  return text ? parse_mount_info(*text) : std::vector<MountedAt>();
}

bool is_mount_point(const std::string& where) {
  for (const MountedAt& mount : mounted_now()) {
    if (mount.where == where) return true;
  }
  return false;
}

}  // namespace granary
