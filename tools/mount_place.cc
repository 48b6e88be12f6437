#include "tools/mount_place.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "fs/base/file.h"
#include "fs/client/control_socket.h"
#include "fs/fuse/configuration.h"

namespace granary {

namespace {
constexpr std::chrono::seconds kAnswerTimeout{10};

bool lies_in(const std::string& path, const std::string& directory) {
  return path == directory || path.starts_with(directory == "/" ? directory : directory + "/");
}
}  // namespace

Result<MountPlace> find_mount_place(const std::string& path) {
  std::error_code failure;
  const std::string full = std::filesystem::canonical(path, failure).string();
  struct stat info {};
  if (failure || ::stat(full.c_str(), &info) != 0)
    return system_error(failure ? failure.value() : errno, "cannot find " + printable(path));
  std::optional<MountPlace> place;
  for (const MountPoint& mount : TRY(read_mount_table())) {
    const bool holds_it = mount.is_granary() && mount.device == info.st_dev && lies_in(full, mount.path);
    if (!holds_it) continue;
    const Bytes inside = full.substr(std::min(full.size(), mount.path.size()));
    place = MountPlace{mount, inside.substr(std::min(inside.size(), inside.find_first_not_of('/')))};
  }
  if (place) return *std::move(place);
  return Error{Code::kNotFound, printable(path) + " is not inside a mount of Granary"};
}

Result<MountPoint> find_mount_or_name(const std::string& word) {
  auto mount = find_mount(word);
  if (mount || word.find('/') != std::string::npos) return mount;
  const auto configuration = Configuration::load(Configuration::default_place());
  const auto section = configuration.repositories().find(word);
  if (section == configuration.repositories().end()) return mount;
  const Configuration::Entry* place = section->second.find("mount_point");
  return place == nullptr ? std::move(mount) : find_mount(place->value);
}

Result<std::string> ask_mount(const MountPoint& mount, const std::string& question) {
  auto control = ControlClient::connect(mount);
  if (!control && control.error().code == Code::kNotFound)
    return Error{Code::kUnavailable, str("the process behind ", printable(mount.path), " is gone, or of another user")};
  if (!control) return control.error();
  return control->ask(question, kAnswerTimeout);
}

Result<MountIdentity> identify_mount(const MountPoint& mount) {
  const auto stat = nlohmann::json::parse(TRY(mount_stat(mount)), nullptr, false);
  const bool is_ours = stat.is_object() && stat.contains("cache") && stat["cache"].is_object() &&
                       stat["cache"].contains("dir") && stat["cache"]["dir"].is_string() &&
                       stat.contains("repository") && stat["repository"].is_string();
  if (!is_ours) return Error{Code::kCorrupt, "the mount's answer is not as expected: another version of Granary?"};
  return MountIdentity{stat["cache"]["dir"], stat["repository"]};
}

}  // namespace granary
