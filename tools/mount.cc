// `mount`: hands over to granary-mount, which is a program of its own so that it stays small.
#include <unistd.h>

#include <cerrno>
#include <map>

#include "fs/base/file.h"
#include "fs/fuse/mount_options.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/programs.h"

namespace granary {

namespace {
using Kind = MountOption::Kind;

// What was given, in the words in which granary-mount takes it.
struct Options {
  std::string url, mount_point;
  std::map<std::string, std::vector<std::string>> values;  // by the option with its dashes
  std::map<std::string, bool> flags;
  std::vector<std::string> lists;
};

std::vector<std::string> arguments_for(const Options& options) {
  std::vector<std::string> out;
  for (const auto& [name, values] : options.values) {
    for (const std::string& value : values) out.insert(out.end(), {name, value});
  }
  for (const auto& [name, given] : options.flags) {
    if (given) out.push_back(name);
  }
  for (const std::string& list : options.lists) out.insert(out.end(), {"-o", list});
  out.insert(out.end(), {"--", options.url});
  if (!options.mount_point.empty()) out.push_back(options.mount_point);
  return out;
}

Status run(const Options& options) {
  const std::string program = TRY(find_program("granary-mount"));
  std::vector<std::string> arguments = arguments_for(options);
  arguments.insert(arguments.begin(), program);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  return system_error(errno, "cannot run " + program);
}

void define_option(CLI::App& app, Options& options, const MountOption& row) {
  if (row.kind == Kind::kKernelFlag) return;
  const std::string name = str("--", row.name);
  const std::string help =
      *row.fallback == '\0' || row.is_flag() ? row.help : str(row.help, " (default: ", row.fallback, ")");
  if (row.is_flag()) {
    app.add_flag(name, options.flags[name], help);
  } else {
    auto* option = app.add_option(name, options.values[name], help)->type_name(row.value)->allow_extra_args(false);
    if (row.kind != Kind::kList) option->expected(1);
  }
}

std::string kernel_flags() {
  std::string out;
  for (const MountOption& row : mount_options()) {
    if (row.kind == Kind::kKernelFlag) out += str(out.empty() ? "" : ", ", row.name, " (default: ", row.fallback, ")");
  }
  return out;
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("URL", options->url,
                 "http://, https:// or file:// URL of the repository, its directory, or its name in the configuration")
      ->required();
  app.add_option("MOUNTPOINT", options->mount_point, "an empty directory (default: mount_point in the configuration)");
  for (const MountOption& row : mount_options()) define_option(app, *options, row);
  CLI::Option* const tag = app.get_option("--tag");
  CLI::Option* const snapshot = app.get_option("--snapshot");
  for (const char* other : {"--branch", "--snapshot", "--date"}) tag->excludes(app.get_option(other));
  for (const char* other : {"--branch", "--date"}) snapshot->excludes(app.get_option(other));
  app.add_option("-o", options->lists, "any option as name=value; also, with or without no: " + kernel_flags())
      ->type_name("LIST")
      ->allow_extra_args(false);
  return [options](Io&) { return run(*options); };
}
}  // namespace

const Command kMountCommand{
    "mount", "mount a snapshot read-only",
    "Returns once the mount answers. What is read is fetched when it is read, verified, and kept in the cache.\n"
    "Without -o the mount is ro,nosuid,nodev and only for you; -o allow_other,suid,dev lets a system run from it.\n"
    "What is not given here may stand in the configuration, /etc/granary/granary.conf and conf.d/*.conf there: "
    "sections\n"
    "[defaults] and [repository NAME], whose keys are these options and url, mount_point, automount and options.\n"
    "POSIX ACLs are enforced (noacl: not). A branch is mounted as it is now; the mount does not change afterwards.\n\n"
    "getfattr -n user.granary.digest FILE tells a file's SHA-256, .objects its objects, .inode its number; on the\n"
    "root directory .repository, .name, .snapshot, .tree_digest, .branch, .revision, .url, .counters and .stat.\n"
    "They are not listed, so that nothing copies them.",
    "granary mount https://sw.example.org/debian /mnt --trust debian.trust\n"
    "granary mount https://sw.example.org/debian /mnt --trust debian.trust --fill 5M  # and the rest in the "
    "background\n"
    "granary mount /srv/repo /mnt --trust repo.trust --tag v1.2 -o allow_other  # a directory at hand\n"
    "granary mount debian  # as /etc/granary/granary.conf says; see granary showconfig\n"
    "mount -t granary https://sw.example.org/debian /mnt -o trust=/etc/granary/debian.trust,branch=main  # also in "
    "fstab\n",
    define};

}  // namespace granary
