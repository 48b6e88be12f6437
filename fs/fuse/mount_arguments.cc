#include "fs/fuse/mount_arguments.h"

#include <getopt.h>

#include <array>
#include <functional>

#include "fs/base/bytes.h"

namespace granary {

namespace {
constexpr const char* kOrigin = "command line";

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

const MountOption* find_flag(std::string_view name) {
  const MountOption* option = find_mount_option(name);
  return option != nullptr && option->is_flag() ? option : nullptr;
}

// Nothing when it is not for us. `user` and `owner` alone are fstab's, with a value they can be ours.
Result<std::optional<Setting>> parse_item(const std::string& item, const std::string& origin, UnknownOptions unknown) {
  const size_t equals = item.find('=');
  const bool has_value = equals != std::string::npos;
  const std::string name = item.substr(0, equals);
  const MountOption* option = find_mount_option(name);
  if (option != nullptr && has_value) return std::optional(Setting{option, item.substr(equals + 1), origin});
  if (name.empty() || is_for_others(name)) return std::optional<Setting>();
  if (name == "remount") return Error{Code::kInvalid, "cannot remount: unmount, then mount again"};
  if (option != nullptr && option->is_flag()) return std::optional(Setting{option, "yes", origin});
  if (option != nullptr) return Error{Code::kInvalid, "mount option " + name + " needs a value"};
  const MountOption* opposite = name.starts_with("no") && !has_value ? find_flag(name.substr(2)) : nullptr;
  if (opposite != nullptr) return std::optional(Setting{opposite, "no", origin});
  if (unknown == UnknownOptions::kIgnore) return std::optional<Setting>();
  return Error{Code::kInvalid, str("no such mount option: ", printable(item), ": ", mount_option_hint(name))};
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

std::vector<option> long_options() {
  std::vector<option> out;
  for (const MountOption& row : mount_options()) {
    if (row.kind != MountOption::Kind::kKernelFlag)
      out.push_back({row.name, row.is_flag() ? no_argument : required_argument, nullptr, 0});
  }
  for (const char* name : {"help", "version"}) out.push_back({name, no_argument, nullptr, 0});
  out.push_back({});
  return out;
}

void append(std::vector<Setting>& all, std::vector<Setting> more) {
  for (Setting& setting : more) all.push_back(std::move(setting));
}
}  // namespace

Result<std::vector<Setting>> parse_option_list(const std::string& list, const std::string& origin,
                                               UnknownOptions unknown) {
  std::vector<Setting> out;
  std::string item;
  for (size_t i = 0; i <= list.size(); ++i) {
    if (i == list.size() || list[i] == ',') {
      if (auto setting = TRY(parse_item(item, origin, unknown))) out.push_back(*std::move(setting));
      item.clear();
    } else {
      if (list[i] == '\\' && i + 1 < list.size()) ++i;
      item += list[i];
    }
  }
  return out;
}

Result<MountOptions> parse_mount_arguments(const std::vector<std::string>& arguments) {
  MountOptions options;
  std::vector<Setting> given;
  const auto each = [&](const std::string& name, const std::string& value) -> Status {
    if (name == "h" || name == "help") return options.help = true, Done{};
    if (name == "version") return options.version = true, Done{};
    if (name == "o") return append(given, TRY(parse_option_list(value, kOrigin))), Done{};
    const MountOption* row = find_mount_option(name);
    return given.push_back({row, row->is_flag() ? "yes" : value, kOrigin}), Done{};
  };
  const auto places = TRY(walk_options(arguments, ":ho:", long_options(), each));
  if (options.help || options.version) return options;
  TRY(apply_settings(options, std::move(given)));
  TRY(take_places(options, places));
  return options;
}

Result<MountOptions> parse_helper_arguments(const std::vector<std::string>& arguments) {
  MountOptions options;
  std::vector<std::string> lists;
  std::vector<Setting> given;
  UnknownOptions unknown = UnknownOptions::kRefuse;
  const auto each = [&](const std::string& name, const std::string& value) -> Status {
    if (name == "o") lists.push_back(value);
    if (name == "s") unknown = UnknownOptions::kIgnore;
    if (name == "f") options.check_only = true;
    if (name == "v") given.push_back({find_mount_option("verbose"), "yes", kOrigin});
    return Done{};  // -n: there is no mtab; -N, -t: nothing to us
  };
  const auto places = TRY(walk_options(arguments, ":sfnvo:N:t:", {option{}}, each));
  for (const std::string& list : lists) append(given, TRY(parse_option_list(list, kOrigin, unknown)));
  TRY(apply_settings(options, std::move(given)));
  TRY(take_places(options, places));
  return options;
}

}  // namespace granary
