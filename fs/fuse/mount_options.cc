#include "fs/fuse/mount_options.h"

#include <getopt.h>

#include <array>
#include <functional>
#include <map>

#include "fs/base/bytes.h"

namespace granary {

const char* const kMountHelp =
    R"(usage: granary-mount [OPTIONS] URL MOUNTPOINT
Mounts a snapshot of a repository read-only. URL: http://, https://, file:// or a directory.

  --trust FILE         the repository's trust file (needed)
  --branch NAME        the newest snapshot of this branch (default: main)
  --date DATE          the branch as it was then (UTC), such as 2026-11-01T12:00
  --tag NAME           the snapshot with this tag
  --snapshot ID        this snapshot; also main~3, main@2026-11-01 or the beginning of an id
  --archive            accept a repository that is authentic but stale, and say so
  --allow-withdrawn    mount a snapshot even if its publisher has withdrawn it
  --cache DIR          default /var/cache/granary, or ~/.cache/granary for users
  --quota SIZE         bytes the cache may take, such as 20G (default 4G, at most half of what the disk has free)
  --state DIR          where the newest versions seen are remembered
                       (default /var/lib/granary, or ~/.local/state/granary for users)
  --profile NAME       fetch ahead what this profile of the snapshot names (granary profile)
  --profile-limit SIZE at most so many bytes of it (default 256M, never more than half of the quota)
  --ca FILE            certificates (PEM) of authorities to trust besides the system's, for https://
  --fill RATE          fetch everything in the background, at so many bytes a second (500K, 5M, unlimited)
  --log FILE           also "syslog" or "stderr" (default: syslog, with --foreground stderr)
  --foreground         stay; the mount goes when this process ends
  --verbose            log more
  -o LIST              allow_other, suid, dev, noexec, noacl, or any of the above as name=value
  --help, --version

Without -o: ro,nosuid,nodev, and POSIX ACLs are enforced. The log gets one line for each read that fails.
Exit status: 0 mounted, 2 wrong command line, 7 untrusted, 8 expired, 11 busy mount point, 12 not a repository,
13 no /dev/fuse, 14 bad trust file, 15 bad URL; the others are those of granary(1).
)";

namespace {
using Setter = Status (*)(MountOptions&, const std::string&);

Status set_quota(MountOptions& options, const std::string& value) {
  options.quota_bytes = TRY_WITHIN("bad quota", parse_size(value));
  return Done{};
}

Status set_profile(MountOptions& options, const std::string& value) {
  TRY(check_profile_name(value));
  options.profile = value;
  return Done{};
}

Status set_profile_limit(MountOptions& options, const std::string& value) {
  options.profile_limit_bytes = TRY_WITHIN("bad profile limit", parse_size(value));
  return Done{};
}

// Options with a value, by the name they have in both forms.
const std::map<std::string, Setter>& value_options() {
  static const std::map<std::string, Setter> table{
      {"trust", [](MountOptions& o, const std::string& v) -> Status { return o.trust_file = v, Done{}; }},
      {"branch",
       [](MountOptions& o, const std::string& v) -> Status {
         const auto date = o.selector.date;
         o.selector = TRY(SnapshotSelector::parse(v, SnapshotSelector::Kind::kBranch));
         if (!o.selector.date) o.selector.date = date;
         return Done{};
       }},
      {"date",
       [](MountOptions& o, const std::string& v) -> Status {
         if (o.selector.kind != SnapshotSelector::Kind::kBranch)
           return Error{Code::kInvalid, "a date goes with a branch, not with a tag or a snapshot"};
         o.selector.date = TRY(parse_utc(v));
         return Done{};
       }},
      {"tag",
       [](MountOptions& o, const std::string& v) -> Status {
         o.selector = TRY(SnapshotSelector::parse(v, SnapshotSelector::Kind::kTag));
         return Done{};
       }},
      {"snapshot",
       [](MountOptions& o, const std::string& v) -> Status {
         o.selector = TRY(SnapshotSelector::parse(v, SnapshotSelector::Kind::kAny));
         return Done{};
       }},
      {"cache", [](MountOptions& o, const std::string& v) -> Status { return o.cache_directory = v, Done{}; }},
      {"quota", set_quota},
      {"profile", set_profile},
      {"profile-limit", set_profile_limit},
      {"profile_limit", set_profile_limit},
      {"state", [](MountOptions& o, const std::string& v) -> Status { return o.state_directory = v, Done{}; }},
      {"ca", [](MountOptions& o, const std::string& v) -> Status { return o.ca_file = v, Done{}; }},
      {"fill",
       [](MountOptions& o, const std::string& v) -> Status { return o.fill = TRY(FillRate::parse(v)), Done{}; }},
      {"log", [](MountOptions& o, const std::string& v) -> Status { return o.log = v, Done{}; }},
  };
  return table;
}

struct Flag {
  bool MountOptions::*field;
  bool value;
};

const std::map<std::string, Flag>& flags() {
  static const std::map<std::string, Flag> table{
      {"archive", {&MountOptions::archive, true}},
      {"allow-withdrawn", {&MountOptions::allow_withdrawn, true}},
      {"allow_withdrawn", {&MountOptions::allow_withdrawn, true}},
      {"foreground", {&MountOptions::foreground, true}},
      {"verbose", {&MountOptions::verbose, true}},
  };
  return table;
}

const std::map<std::string, Flag>& kernel_flags() {
  static const std::map<std::string, Flag> table{
      {"acl", {&MountOptions::acl, true}},
      {"noacl", {&MountOptions::acl, false}},
      {"allow_other", {&MountOptions::allow_other, true}},
      {"suid", {&MountOptions::suid, true}},
      {"nosuid", {&MountOptions::suid, false}},
      {"dev", {&MountOptions::dev, true}},
      {"nodev", {&MountOptions::dev, false}},
      {"exec", {&MountOptions::exec, true}},
      {"noexec", {&MountOptions::exec, false}},
  };
  return table;
}

// What fstab and mount(8) say to everybody, and what means nothing to a read-only mount.
bool is_for_others(const std::string& name) {
  static constexpr std::array kIgnored{"ro",         "rw",         "defaults",    "auto",        "noauto",
                                       "user",       "nouser",     "users",       "owner",       "group",
                                       "_netdev",    "nofail",     "atime",       "noatime",     "diratime",
                                       "nodiratime", "relatime",   "norelatime",  "strictatime", "nostrictatime",
                                       "lazytime",   "nolazytime", "sync",        "async",       "dirsync",
                                       "silent",     "loud",       "nosymfollow", "symfollow",   "default_permissions",
                                       "comment"};
  for (const char* ignored : kIgnored) {
    if (name == ignored) return true;
  }
  return name.starts_with("x-") || name.starts_with("X-");
}

enum class Unknown { kRefuse, kIgnore };

Status apply_list_item(MountOptions& options, const std::string& item, Unknown unknown) {
  const size_t equals = item.find('=');
  const std::string name = item.substr(0, equals);
  if (name.empty() || is_for_others(name)) return Done{};
  if (name == "remount") return Error{Code::kInvalid, "cannot remount: unmount, then mount again"};
  if (const auto setter = value_options().find(name); setter != value_options().end()) {
    if (equals == std::string::npos) return Error{Code::kInvalid, "mount option " + name + " needs a value"};
    return setter->second(options, item.substr(equals + 1));
  }
  for (const auto* table : {&flags(), &kernel_flags()}) {
    const auto flag = table->find(name);
    if (flag != table->end() && equals == std::string::npos)
      return options.*(flag->second.field) = flag->second.value, Done{};
  }
  if (unknown == Unknown::kIgnore) return Done{};
  return Error{Code::kInvalid, "no such mount option: " + printable(item) + "; see granary-mount --help"};
}

// Commas separate, "\," is a comma.
Status apply_list(MountOptions& options, const std::string& list, Unknown unknown) {
  std::string item;
  for (size_t i = 0; i <= list.size(); ++i) {
    if (i == list.size() || list[i] == ',') {
      TRY(apply_list_item(options, item, unknown));
      item.clear();
    } else {
      if (list[i] == '\\' && i + 1 < list.size()) ++i;
      item += list[i];
    }
  }
  return Done{};
}

// getopt_long over a copy of the arguments. `each` gets the option's letter or long name and its value.
using EachOption = std::function<Status(const std::string& name, const std::string& value)>;
Result<std::vector<std::string>> walk_options(const std::vector<std::string>& arguments, const char* letters,
                                              const std::vector<option>& long_options, const EachOption& each) {
  std::vector<std::string> copy{"granary-mount"};
  copy.insert(copy.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : copy) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const int count = static_cast<int>(copy.size());
  optind = 0;  // from the beginning, also the second time
  opterr = 0;
  int index = 0;
  for (int letter = 0; (letter = ::getopt_long(count, argv.data(), letters, long_options.data(), &index)) != -1;) {
    if (letter == '?' || letter == ':')
      return Error{Code::kInvalid, "unknown option, or one without its value: " +
                                       printable(copy[static_cast<size_t>(optind > 1 ? optind - 1 : 1)])};
    const std::string name =
        letter == 0 ? long_options[static_cast<size_t>(index)].name : std::string(1, static_cast<char>(letter));
    TRY(each(name, optarg == nullptr ? "" : optarg));
  }
  std::vector<std::string> rest;
  for (int i = optind; i < count; ++i) rest.emplace_back(argv[static_cast<size_t>(i)]);
  return rest;
}

Status take_places(MountOptions& options, const std::vector<std::string>& places) {
  if (places.size() != 2)
    return Error{Code::kInvalid, str("expected URL and MOUNTPOINT, got ", places.size(), " arguments")};
  options.source = places[0];
  options.mount_point = places[1];
  if (options.trust_file.empty()) return Error{Code::kInvalid, "--trust FILE is missing: the publisher hands it out"};
  return Done{};
}
}  // namespace

Result<MountOptions> parse_mount_arguments(const std::vector<std::string>& arguments) {
  MountOptions options;
  std::vector<option> long_options;
  for (const auto& [name, setter] : value_options())
    long_options.push_back({name.c_str(), required_argument, nullptr, 0});
  for (const auto& [name, flag] : flags()) long_options.push_back({name.c_str(), no_argument, nullptr, 0});
  for (const char* name : {"help", "version"}) long_options.push_back({name, no_argument, nullptr, 0});
  long_options.push_back({});
  std::optional<std::string> date;  // after the branch, in whatever order they come
  const auto each = [&](const std::string& name, const std::string& value) -> Status {
    if (name == "o") return apply_list(options, value, Unknown::kRefuse);
    if (name == "h" || name == "help") return options.help = true, Done{};
    if (name == "version") return options.version = true, Done{};
    if (name == "date") return date = value, Done{};
    if (const auto setter = value_options().find(name); setter != value_options().end())
      return setter->second(options, value);
    const Flag& flag = flags().at(name);
    return options.*(flag.field) = flag.value, Done{};
  };
  const auto places = TRY(walk_options(arguments, ":ho:", long_options, each));
  if (options.help || options.version) return options;
  if (date) TRY(value_options().at("date")(options, *date));
  TRY(take_places(options, places));
  return options;
}

Result<MountOptions> parse_helper_arguments(const std::vector<std::string>& arguments) {
  MountOptions options;
  std::vector<std::string> lists;
  Unknown unknown = Unknown::kRefuse;
  const auto each = [&](const std::string& name, const std::string& value) -> Status {
    if (name == "o") lists.push_back(value);
    if (name == "s") unknown = Unknown::kIgnore;
    if (name == "f") options.check_only = true;
    if (name == "v") options.verbose = true;
    return Done{};  // -n: there is no mtab; -N, -t: nothing to us
  };
  const auto places = TRY(walk_options(arguments, ":sfnvo:N:t:", {option{}}, each));
  for (const std::string& list : lists) TRY(apply_list(options, list, unknown));
  TRY(take_places(options, places));
  return options;
}

}  // namespace granary
