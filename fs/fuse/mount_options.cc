#include "fs/fuse/mount_options.h"

#include <algorithm>
#include <array>

#include "fs/base/file.h"
#include "fs/base/nearest.h"

namespace granary {

namespace {
using Kind = MountOption::Kind;

template <std::string MountOptions::*kField>
Status set_text(MountOptions& options, const std::string& value) {
  options.*kField = value;
  return Done{};
}

template <uint64_t MountOptions::*kField>
Status set_size(MountOptions& options, const std::string& value) {
  options.*kField = TRY(parse_size(value));
  return Done{};
}

template <bool MountOptions::*kField>
Status set_flag(MountOptions& options, const std::string& value) {
  options.*kField = TRY(parse_yes(value));
  return Done{};
}

template <SnapshotSelector::Kind kKind>
Status set_selector(MountOptions& options, const std::string& value) {
  options.selector = TRY(SnapshotSelector::parse(value, kKind));
  return Done{};
}

Status set_date(MountOptions& options, const std::string& value) {
  if (options.selector.kind != SnapshotSelector::Kind::kBranch)
    return Error{Code::kInvalid, "a date goes with a branch, not with a tag or a snapshot"};
  options.selector.date = TRY(parse_utc(value));
  return Done{};
}

Status set_clock(MountOptions& options, const std::string& value) {
  if (value != "trusted" && value != "untrusted")
    return Error{Code::kInvalid, "neither trusted nor untrusted: " + printable(value)};
  options.is_clock_trusted = value == "trusted";
  return Done{};
}

Status set_time_floor(MountOptions& options, const std::string& value) {
  options.time_floor = TRY(parse_utc(value));
  return Done{};
}

Status set_profile(MountOptions& options, const std::string& value) {
  TRY(check_profile_name(value));
  options.profile = value;
  return Done{};
}

// "30s", "10m"; or seconds alone.
Status set_follow(MountOptions& options, const std::string& value) {
  const bool is_number = value.find_first_not_of("0123456789") == std::string::npos;
  options.follow = std::chrono::seconds(TRY(parse_duration_seconds(is_number ? value + "s" : value)));
  return Done{};
}

Status set_no_follow(MountOptions& options, const std::string& value) {
  if (TRY(parse_yes(value))) options.follow.reset();
  return Done{};
}

Status set_fill(MountOptions& options, const std::string& value) {
  options.fill = TRY(FillRate::parse(value));
  return Done{};
}

// A file (anything with a "/"), or the list itself.
Result<IdentityMap> read_identity_map(const std::string& value, const ResolveName& resolve) {
  if (value.find('/') == std::string::npos) return IdentityMap::parse(value, resolve);
  const Bytes text = TRY(read_file(value, IdentityMap::kMaxTextBytes));
  return TRY_WITHIN(value, IdentityMap::parse(text, resolve));
}

template <IdentityMap Identities::*kField, std::optional<IdentityNumber> (*kResolve)(const std::string&)>
Status set_identity_map(MountOptions& options, const std::string& value) {
  options.identities.*kField = TRY(read_identity_map(value, kResolve));
  return Done{};
}

template <std::optional<IdentityNumber> (*kResolve)(const std::string&)>
Result<std::string> settle_identity_map(const std::string& value) {
  return TRY(read_identity_map(value, kResolve)).text();
}

Status set_owner(MountOptions& options, const std::string& value) {
  const OwnerPair owner = TRY(OwnerPair::parse(value, find_user, find_group));
  options.identities.owner = owner.user;
  options.identities.group = owner.group;
  return Done{};
}

Result<std::string> settle_owner(const std::string& value) {
  return TRY(OwnerPair::parse(value, find_user, find_group)).text();
}

Status add_lower_cache(MountOptions& options, const std::string& value) {
  options.lower_caches.push_back(value);
  return Done{};
}

Status add_mirror(MountOptions& options, const std::string& value) {
  options.mirrors.push_back(value);
  return Done{};
}

Status set_proxies(MountOptions& options, const std::string& value) {
  TRY(parse_proxy_list(value));
  options.proxies.list = value;
  return Done{};
}

Status set_proxy_command(MountOptions& options, const std::string& value) {
  options.proxies.command = value;
  return Done{};
}

Status set_forbid_direct(MountOptions& options, const std::string& value) {
  options.proxies.forbid_direct = TRY(parse_yes(value));
  return Done{};
}

Status set_log_rotation(MountOptions& options, const std::string& value) {
  options.log_rotation = TRY(log::Rotation::parse(value));
  return Done{};
}

Status set_log_format(MountOptions& options, const std::string& value) {
  if (value != "text" && value != "json") return Error{Code::kInvalid, "neither text nor json: " + printable(value)};
  options.log_format = value == "json" ? log::Format::kJson : log::Format::kLogfmt;
  return Done{};
}

Status set_watchdog(MountOptions& options, const std::string& value) {
  options.watchdog = std::chrono::seconds(value == "off" ? 0 : TRY(parse_duration_seconds(value)));
  return Done{};
}

// Names exactly one snapshot or branch: the last of these holds.
bool chooses_snapshot(const MountOption& option) {
  static constexpr std::array<std::string_view, 3> kChoices{"branch", "tag", "snapshot"};
  return std::find(kChoices.begin(), kChoices.end(), option.name) != kChoices.end();
}

// Of settings given together.
bool displaces(const MountOption& later, const MountOption& earlier) {
  if (&later == &earlier) return later.kind != Kind::kList;
  return chooses_snapshot(later) && chooses_snapshot(earlier);
}

std::string joined_by(char joint, std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), joint == '_' ? '-' : '_', joint);
  return out;
}
}  // namespace

const std::vector<MountOption>& mount_options() {
  using Select = SnapshotSelector::Kind;
  // clang-format off
  static const std::vector<MountOption> table{
      {"trust", Kind::kValue, "FILE", "", "the repository's trust file, from its publisher", set_text<&MountOptions::trust_file>},
      {"branch", Kind::kValue, "NAME", "main", "the newest snapshot of this branch", set_selector<Select::kBranch>},
      {"tag", Kind::kValue, "NAME", "", "the snapshot with this tag", set_selector<Select::kTag>},
      {"snapshot", Kind::kValue, "ID", "", "this snapshot: an id or its beginning, or a name such as main~3 or main@2026-11-01", set_selector<Select::kAny>},
      {"date", Kind::kValue, "DATE", "", "the branch as it was then (UTC), such as 2026-11-01T12:00", set_date},
      {"archive", Kind::kFlag, "", "no", "accept a repository that is authentic but stale, and say so", set_flag<&MountOptions::archive>},
      {"clock", Kind::kValue, "WORD", "trusted", "untrusted: freshness is unknown, and only what had expired by --time-floor is refused", set_clock},
      {"time-floor", Kind::kValue, "UTC", "", "it is no earlier than this, whatever the clock says: 2026-11-01T12:00:00Z", set_time_floor},
      {"allow-withdrawn", Kind::kFlag, "", "no", "mount a snapshot even if its publisher has withdrawn it", set_flag<&MountOptions::allow_withdrawn>},
      {"cache", Kind::kValue, "DIR", "/var/cache/granary/UUID, for users ~/.cache/granary/UUID", "where objects are kept; none: nowhere, what is read is streamed", set_text<&MountOptions::cache_directory>},
      {"lower-cache", Kind::kList, "DIR", "", "a cache to read from before the network, never written: a pre-filled image, another user's; may be repeated", add_lower_cache},
      {"quota", Kind::kValue, "SIZE", "4G, at most half of the disk", "bytes the cache may take, such as 20G", set_size<&MountOptions::quota_bytes>},
      {"state", Kind::kValue, "DIR", "/var/lib/granary, for users ~/.local/state/granary", "where the newest versions seen are remembered", set_text<&MountOptions::state_directory>},
      {"profile", Kind::kValue, "NAME", "", "fetch ahead what this profile of the snapshot names (see granary profile)", set_profile},
      {"profile-limit", Kind::kValue, "SIZE", "256M, never more than half of the quota", "at most so many bytes of it", set_size<&MountOptions::profile_limit_bytes>},
      {"ca", Kind::kValue, "FILE", "", "PEM file of authorities to trust besides the system's, for https://", set_text<&MountOptions::ca_file>},
      {"mirror", Kind::kList, "URL", "", "another place that has the repository; may be repeated", add_mirror},
      {"proxy", Kind::kValue, "LIST", "auto: http_proxy, https_proxy and no_proxy, or --proxy-command", "HTTP proxies: | between those that share the load, ; before those that are asked when these fail; DIRECT stands for none", set_proxies},
      {"proxy-command", Kind::kValue, "PROGRAM", "", "prints such a list for the URL that it is given, as a PAC file would", set_proxy_command},
      {"forbid-direct", Kind::kFlag, "", "no", "fetch through proxies only", set_forbid_direct},
      {"fill", Kind::kValue, "RATE", "", "fetch everything in the background, at so many bytes a second: 500K, 5M, unlimited", set_fill},
      {"follow", Kind::kValue, "INTERVAL", "60s", "look for a newer snapshot of the branch this often: 30s, 10m", set_follow},
      {"no-follow", Kind::kFlag, "", "no", "stay at the snapshot that the branch has now", set_no_follow},
      {"uid-map", Kind::kValue, "MAP", "", "who owns the files of whom: a file, or a list such as 1000:2000;3000-3999:10000;*:nobody", set_identity_map<&Identities::users, find_user>, settle_identity_map<find_user>},
      {"gid-map", Kind::kValue, "MAP", "", "the same of groups", set_identity_map<&Identities::groups, find_group>, settle_identity_map<find_group>},
      {"owner", Kind::kValue, "UID[:GID]", "", "who owns all files", set_owner, settle_owner},
      {"config", Kind::kValue, "PLACE", "/etc/granary", "the configuration: a file, or a directory such as the default", set_text<&MountOptions::config>},
      {"user", Kind::kValue, "NAME", "granary if there is such a user, else root without capabilities", "as whom the mount is answered when root mounts", set_text<&MountOptions::user>},
      {"log", Kind::kValue, "TARGET", "journal, else syslog, in the foreground stderr", "a file, \"journal\", \"syslog\" or \"stderr\"", set_text<&MountOptions::log>},
      {"log-rotate", Kind::kValue, "SIZE:N", "", "move a log file aside when it is so large, and keep N old ones: 10M:5", set_log_rotation},
      {"log-format", Kind::kValue, "FORMAT", "text", "of a log file and of standard error: text or json", set_log_format},
      {"watchdog", Kind::kValue, "TIME", "10s", "tell the log what has waited so long; or \"off\"", set_watchdog},
      {"trace", Kind::kFlag, "", "no", "trace operations from the start (see granary trace)", set_flag<&MountOptions::trace>},
      {"foreground", Kind::kFlag, "", "no", "stay; the mount goes when this process ends", set_flag<&MountOptions::foreground>},
      {"verbose", Kind::kFlag, "", "no", "log more", set_flag<&MountOptions::verbose>},
      {"allow_other", Kind::kKernelFlag, "", "no", "not only for whoever mounts it", set_flag<&MountOptions::allow_other>},
      {"acl", Kind::kKernelFlag, "", "yes", "POSIX ACLs are enforced", set_flag<&MountOptions::acl>},
      {"suid", Kind::kKernelFlag, "", "no", "setuid programs work", set_flag<&MountOptions::suid>},
      {"dev", Kind::kKernelFlag, "", "no", "device files work", set_flag<&MountOptions::dev>},
      {"exec", Kind::kKernelFlag, "", "yes", "programs may be run", set_flag<&MountOptions::exec>},
  };
  // clang-format on
  return table;
}

bool MountOption::is_path() const { return std::string_view(value) == "FILE" || std::string_view(value) == "DIR"; }

std::string MountOption::key() const { return joined_by('_', name); }

const MountOption* find_mount_option(std::string_view name) {
  const std::string wanted = joined_by('_', name);
  for (const MountOption& option : mount_options()) {
    if (option.key() == wanted) return &option;
  }
  return nullptr;
}

std::string mount_option_hint(std::string_view name) {
  std::vector<std::string> known;
  for (const MountOption& option : mount_options()) known.push_back(option.key());
  const std::string nearest = nearest_word(joined_by('_', name), known);
  return nearest.empty() ? "granary mount --help lists them" : "did you mean \"" + nearest + "\"?";
}

Result<bool> parse_yes(std::string_view text) {
  for (const char* yes : {"yes", "on", "true", "1"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"no", "off", "false", "0"}) {
    if (text == no) return false;
  }
  return Error{Code::kInvalid, "neither yes nor no: \"" + printable(text) + "\""};
}

Status settle(std::vector<Setting>& settings) {
  for (Setting& setting : settings) {
    if (setting.option->settle == nullptr) continue;
    setting.value =
        TRY_WITHIN(str("bad ", setting.option->name, " (", setting.origin, ")"), setting.option->settle(setting.value));
  }
  return Done{};
}

Status apply_settings(MountOptions& options, std::vector<Setting> given) {
  std::vector<Setting> holding;
  for (Setting& setting : given) {
    std::erase_if(holding, [&](const Setting& earlier) { return displaces(*setting.option, *earlier.option); });
    holding.push_back(std::move(setting));
  }
  std::stable_sort(holding.begin(), holding.end(),
                   [](const Setting& a, const Setting& b) { return a.option < b.option; });
  for (const Setting& setting : holding) {
    TRY_WITHIN(str("bad ", setting.option->name, " (", setting.origin, ")"),
               setting.option->set(options, setting.value));
  }
  options.settings = std::move(holding);
  return Done{};
}

std::vector<Setting> overlaid(std::vector<Setting> lower, const std::vector<Setting>& upper) {
  const auto displaced = [](const MountOption& earlier, const MountOption& later) {
    const bool is_its_date = chooses_snapshot(later) && std::string_view(earlier.name) == "date";
    return &later == &earlier || displaces(later, earlier) || is_its_date;
  };
  std::erase_if(lower, [&](const Setting& earlier) {
    return std::any_of(upper.begin(), upper.end(),
                       [&](const Setting& later) { return displaced(*earlier.option, *later.option); });
  });
  lower.insert(lower.end(), upper.begin(), upper.end());
  return lower;
}

std::string mount_help() {
  std::string out =
      "usage: granary-mount [OPTIONS] URL MOUNTPOINT\n"
      "       granary-mount [OPTIONS] NAME [MOUNTPOINT]\n"
      "       granary-mount --resolve [OPTIONS] URL    which snapshot that would be\n"
      "       granary-mount --fetch [OPTIONS] URL      one document, over HTTP\n"
      "       granary-mount --tell MOUNTPOINT WORDS    changes or asks a live mount\n"
      "Mounts a snapshot of a repository read-only. URL: http://, https://, file:// or a directory. NAME: a "
      "repository\n"
      "of the configuration, which may say everything else too.\n\n";
  const auto line = [&out](std::string words, const MountOption& option) {
    constexpr size_t kColumn = 26;
    words.resize(std::max(words.size() + 2, kColumn), ' ');
    out += words + option.help;
    if (*option.fallback != '\0' && option.kind != Kind::kFlag) out += str(" (default: ", option.fallback, ")");
    out += "\n";
  };
  for (const MountOption& option : mount_options()) {
    if (option.kind != Kind::kKernelFlag)
      line(str("  --", option.name, option.is_flag() ? "" : " ", option.value), option);
  }
  out += "  --help, --version\n  -o LIST                 any of the above as name=value, and these:\n";
  for (const MountOption& option : mount_options()) {
    if (option.kind == Kind::kKernelFlag) line(str("     ", option.name, ", no", option.name), option);
  }
  return out +
         "\nWithout -o: ro,nosuid,nodev, and POSIX ACLs are enforced. The log gets one line for each read that fails.\n"
         "Exit status: 0 mounted, 2 wrong command line, 7 untrusted, 8 expired, 11 busy mount point, 12 not a "
         "repository,\n13 no /dev/fuse, 14 bad trust file, 15 bad URL; the others are those of granary(1).\n";
}

}  // namespace granary
