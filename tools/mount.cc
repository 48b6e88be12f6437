// `mount`: hands over to granary-mount, which is a program of its own so that it stays small.
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "fs/base/file.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/programs.h"

namespace granary {

namespace {
struct Options {
  std::string url, mount_point;
  std::string trust, branch, tag, snapshot, date, cache, quota, state, log, profile, profile_limit, ca;
  std::optional<std::string> fill;
  bool archive = false, allow_withdrawn = false, foreground = false, verbose = false;
  std::vector<std::string> mount_options;
};

std::vector<std::string> arguments_for(const Options& options) {
  std::vector<std::string> out;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) out.insert(out.end(), {name, value});
  };
  add("--trust", options.trust);
  add("--branch", options.branch);
  add("--tag", options.tag);
  add("--snapshot", options.snapshot);
  add("--date", options.date);
  add("--cache", options.cache);
  add("--quota", options.quota);
  add("--state", options.state);
  add("--log", options.log);
  add("--profile", options.profile);
  add("--profile-limit", options.profile_limit);
  add("--ca", options.ca);
  if (options.fill) out.insert(out.end(), {"--fill", *options.fill});
  if (options.archive) out.emplace_back("--archive");
  if (options.allow_withdrawn) out.emplace_back("--allow-withdrawn");
  if (options.foreground) out.emplace_back("--foreground");
  if (options.verbose) out.emplace_back("--verbose");
  for (const std::string& list : options.mount_options) add("-o", list);
  out.insert(out.end(), {"--", options.url, options.mount_point});
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

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("URL", options->url, "http://, https:// or file:// URL of the repository, or its directory")
      ->required();
  app.add_option("MOUNTPOINT", options->mount_point, "an empty directory")->required();
  app.add_option("--trust", options->trust, "the repository's trust file, from its publisher")->required();
  auto* branch = app.add_option("--branch", options->branch, "the newest snapshot of this branch (default: main)");
  auto* tag = app.add_option("--tag", options->tag, "the snapshot with this tag");
  auto* snapshot = app.add_option("--snapshot", options->snapshot,
                                  "this snapshot: an id or its beginning, or a name such as main~3");
  auto* date = app.add_option("--date", options->date, "the branch as it was then, such as 2026-11-01T12:00 (UTC)");
  tag->excludes(branch)->excludes(snapshot)->excludes(date);
  snapshot->excludes(branch)->excludes(date);
  app.add_option("--cache", options->cache,
                 "where objects are kept (default: /var/cache/granary, or ~/.cache/granary)");
  app.add_option("--quota", options->quota,
                 "bytes the cache may take, such as 20G (default: 4G, at most half of the disk)");
  app.add_option("--state", options->state, "where the newest versions seen are remembered");
  app.add_option("--log", options->log, "a file, \"syslog\" or \"stderr\"");
  auto* profile = app.add_option("--profile", options->profile,
                                 "fetch ahead what this profile of the snapshot names (see granary profile)");
  app.add_option("--profile-limit", options->profile_limit,
                 "at most so many bytes of it (default: 256M, never more than half of the quota)")
      ->needs(profile);
  app.add_option("--ca", options->ca, "PEM file of authorities to trust besides the system's, for https://");
  app.add_option("--fill", options->fill,
                 "fetch everything in the background, at so many bytes a second: 500K, 5M, unlimited");
  app.add_flag("--archive", options->archive, "accept a repository that is authentic but stale, and say so");
  app.add_flag("--allow-withdrawn", options->allow_withdrawn,
               "mount a snapshot even if its publisher has withdrawn it");
  app.add_flag("--foreground", options->foreground, "stay; the mount goes when this process ends");
  app.add_flag("--verbose", options->verbose, "log more");
  app.add_option("-o", options->mount_options, "mount options: allow_other, suid, dev, noexec, noacl")
      ->allow_extra_args(false);
  return [options](Io&) { return run(*options); };
}
}  // namespace

const Command kMountCommand{
    "mount", "mount a snapshot read-only",
    "Returns once the mount answers. What is read is fetched when it is read, verified, and kept in the cache.\n"
    "Without -o the mount is ro,nosuid,nodev and only for you; -o allow_other,suid,dev lets a system run from it.\n"
    "POSIX ACLs are enforced (noacl: not). A branch is mounted as it is now; the mount does not change afterwards.\n\n"
    "getfattr -n user.granary.digest FILE tells a file's SHA-256, .objects its objects, .inode its number; on the\n"
    "root directory .repository, .name, .snapshot, .tree_digest, .branch, .revision, .url, .counters and .stat.\n"
    "They are not listed, so that nothing copies them.",
    "granary mount https://sw.example.org/debian /mnt --trust debian.trust\n"
    "granary mount https://sw.example.org/debian /mnt --trust debian.trust --fill 5M  # and the rest in the "
    "background\n"
    "granary mount /srv/repo /mnt --trust repo.trust --tag v1.2 -o allow_other  # a directory at hand\n"
    "mount -t granary https://sw.example.org/debian /mnt -o trust=/etc/granary/debian.trust,branch=main  # also in "
    "fstab\n",
    define};

}  // namespace granary
