#include "fs/client/mount_table.h"

#include <sys/sysmacros.h>

#include <filesystem>
#include <sstream>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr size_t kMaxTableBytes = size_t{64} << 20;

// "\040" and its like, as the kernel writes spaces, tabs, line breaks and backslashes.
std::string unescaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}
}  // namespace

std::vector<MountPoint> parse_mount_table(const std::string& text) {
  std::vector<MountPoint> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, root, path, options, field;
    fields >> id >> parent >> device >> root >> path >> options;
    while (fields >> field && field != "-") {  // optional fields
    }
    MountPoint mount;
    fields >> mount.type >> mount.source >> mount.super_options;
    unsigned major = 0, minor = 0;
    if (std::sscanf(device.c_str(), "%u:%u", &major, &minor) != 2 || mount.type.empty())
      continue;  // NOLINT(cert-err34-c)
    mount.device = makedev(major, minor);
    mount.path = unescaped(path);
    mount.source = unescaped(mount.source);
    out.push_back(std::move(mount));
  }
  return out;
}

Result<std::vector<MountPoint>> read_mount_table() {
  return parse_mount_table(TRY(read_file("/proc/self/mountinfo", kMaxTableBytes)));
}

Result<std::optional<MountPoint>> mounted_at(const std::string& path) {
  std::optional<MountPoint> out;
  for (MountPoint& mount : TRY(read_mount_table())) {
    if (mount.path == path) out = std::move(mount);
  }
  return out;
}

Result<std::string> mount_path(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code failure;
  fs::path whole = fs::absolute(path, failure).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();  // a trailing slash
  if (failure) return system_error(failure.value(), "cannot find " + printable(path));
  if (whole == whole.root_path()) return whole.string();
  if (const auto table = read_mount_table(); table) {
    for (const MountPoint& mount : *table) {
      if (mount.path == whole.string()) return mount.path;
    }
  }
  const fs::path full = fs::canonical(whole, failure);
  if (!failure) return full.string();
  const fs::path parent = fs::canonical(whole.parent_path(), failure);
  if (failure) return system_error(failure.value(), "cannot find " + printable(path));
  return (parent / whole.filename()).string();
}

}  // namespace granary
