#include "initramfs/posted_layer.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "fs/base/file.h"
#include "initramfs/lasting_root.h"
#include "initramfs/paths.h"

namespace granary {

namespace {
// Not ordered against what a service usually is, which would be a cycle: it comes after the target that wants it.
constexpr const char* kCompleteUnit = R"([Unit]
Description=Granary: this start is complete
DefaultDependencies=no
After=multi-user.target
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/run/initramfs/bin/granary-guest boot-complete
)";

constexpr const char* kPinUnit = R"([Unit]
Description=Granary: keep at hand what repairs the network
DefaultDependencies=no
After=granary-boot-complete.service
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=simple
Nice=10
ExecStart=/run/initramfs/bin/granary-guest pin-files
SuccessExitStatus=4 5
)";

// A tree is cooked without host keys: each machine makes its own. cloud-init, where it is at work, comes first: it
// removes those that it finds, and makes others. The unit that a cooked tree has for it finds them made.
constexpr const char* kHostKeysUnit = R"([Unit]
Description=Granary: ssh host keys of this machine
DefaultDependencies=no
After=local-fs.target cloud-init.service cloud-init-network.service
Before=granary-ssh-host-keys.service ssh.service ssh.socket sshd.service shutdown.target
Conflicts=shutdown.target
ConditionPathExists=/usr/bin/ssh-keygen

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/run/initramfs/bin/granary-guest host-keys
)";

constexpr const char* kOtherHostKeysUnit = R"([Unit]
Description=Granary: ssh host keys that take long to make
DefaultDependencies=no
After=granary-boot-complete.service granary-host-keys.service
Conflicts=shutdown.target
Before=shutdown.target
ConditionPathExists=/usr/bin/ssh-keygen
ConditionPathExists=!/etc/ssh/ssh_host_rsa_key

[Service]
Type=simple
Nice=19
ExecStart=/run/initramfs/bin/granary-guest other-host-keys
)";

// cloud-init takes a machine to be a disk with an OS on it: without a word it would hand the link that the root comes
// over to another DHCP client, grow a disk that is none, and replace the sources that the tree was made from.
constexpr const char* kCloudConfig =
    R"(# Written by Granary's micro image. A file of this name in the snapshot is heeded instead.
# The root comes over the network: links stay as the start has set them up.
network: {config: disabled}
# The root is no disk.
growpart: {mode: "off"}
resize_rootfs: false
# The snapshot knows where its packages come from.
apt: {preserve_sources_list: true}
)";

Status link(const std::string& target, const std::string& path) {
  TRY(make_directories(path.substr(0, path.rfind('/'))));
  if (::symlink(target.c_str(), path.c_str()) != 0 && errno != EEXIST)
    return system_error(errno, "cannot link " + path);
  return Done{};
}

Status write(const std::string& path, const char* text, mode_t mode) {
  TRY(make_directories(path.substr(0, path.rfind('/'))));
  return replace_file(path, text, mode, Durability::kFast);
}

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Status post_units(const std::string& posted) {
  const std::string units = posted + "/usr/lib/systemd/system";
  TRY(write(units + "/granary-boot-complete.service", kCompleteUnit, 0644));
  TRY(link("../granary-boot-complete.service", units + "/multi-user.target.wants/granary-boot-complete.service"));
  TRY(write(units + "/granary-pin-files.service", kPinUnit, 0644));
  TRY(link("../granary-pin-files.service", units + "/multi-user.target.wants/granary-pin-files.service"));
  TRY(write(units + "/granary-host-keys.service", kHostKeysUnit, 0644));
  TRY(link("../granary-host-keys.service", units + "/sysinit.target.wants/granary-host-keys.service"));
  TRY(write(units + "/granary-other-host-keys.service", kOtherHostKeysUnit, 0644));
  TRY(link("../granary-other-host-keys.service", units + "/multi-user.target.wants/granary-other-host-keys.service"));
  return Done{};
}
}  // namespace

OsInit os_init_of(const std::string& tree) {
  if (exists(tree + "/usr/lib/systemd/systemd") || exists(tree + "/lib/systemd/systemd")) {
    // Installed beside another init?
    char target[4096];
    const ssize_t n = ::readlink((tree + "/sbin/init").c_str(), target, sizeof target);
    if (n > 0 && std::string_view(target, static_cast<size_t>(n)).ends_with("systemd")) return OsInit::kSystemd;
  }
  return exists(tree + "/etc/inittab") ? OsInit::kSysvinit : OsInit::kOther;
}

bool has_cloud_init(const std::string& tree) {
  return exists(tree + "/usr/bin/cloud-init") || exists(tree + "/usr/local/bin/cloud-init");
}

Result<std::string> post_layer(const std::string& tree, const std::string& modules, const std::string& kernel,
                               const std::string& posted) {
  // A tree whose /lib is a link to /usr/lib must not be given a directory /lib: they would not be merged.
  const std::string lib = is_directory(tree + "/lib") ? "/lib" : "/usr/lib";
  std::string told;
  const std::string ours = modules + "/" + kernel;
  if (exists(tree + lib + "/modules/" + kernel)) {
    told = "the snapshot's own drivers";
  } else if (exists(ours)) {
    TRY(make_directories(posted + lib + "/modules"));
    TRY(move_across(ours, posted + lib + "/modules/" + kernel));
    told = "drivers for " + kernel;
  } else {
    told = "no drivers: all are in the kernel";
  }
  TRY(link(str(paths::kLasting, "/bin/granary-guest"), posted + "/usr/bin/granary-guest"));
  const OsInit init = os_init_of(tree);
  if (init == OsInit::kSystemd) TRY(post_units(posted));
  const bool cloud_init = has_cloud_init(tree);
  if (cloud_init) TRY(write(posted + "/etc/cloud/cloud.cfg.d/99_granary.cfg", kCloudConfig, 0644));
  return told + (init == OsInit::kSystemd ? ", units of systemd" : "") + (cloud_init ? ", cloud-init's limits" : "");
}

}  // namespace granary
