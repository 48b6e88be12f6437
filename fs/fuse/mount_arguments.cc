#include "fs/fuse/mount_arguments.h"

#include <getopt.h>
#include <unistd.h>

#include <array>
#include <functional>

#include "fs/base/file.h"
#include "fs/fuse/configuration.h"

namespace granary {

namespace {
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

// A directory of users' own, and what becomes of it, is not for the machine's configuration to say.
bool is_for_system_mounts(const MountOption& option) {
  const std::string_view name = option.name;
  return name == "cache" || name == "state" || name == "user" || name.starts_with("log");
}

// The layers below the command line: what the configuration says of `repository` ("": of no one in particular).
std::vector<Setting> configured(const Configuration& configuration, const std::string& repository) {
  std::vector<Setting> out = configuration.defaults().settings;
  const auto found = configuration.repositories().find(repository);
  if (found != configuration.repositories().end()) out = overlaid(std::move(out), found->second.settings);
  if (configuration.place() == Configuration::kDefaultPlace && ::geteuid() != 0)
    std::erase_if(out, [](const Setting& setting) { return is_for_system_mounts(*setting.option); });
  return out;
}

// Whether the word is that of a repository in the configuration; a directory beside us is written ./NAME then.
bool names_repository(const std::string& word, const Configuration& configuration) {
  return word.find('/') == std::string::npos && configuration.repositories().contains(word);
}

// Not of the configuration: a URL or a directory.
Status check_plain_places(const std::vector<std::string>& places, const Configuration& configuration) {
  const std::string& source = places[0];
  const bool is_word = source.find('/') == std::string::npos;
  if (places.size() == 2 && (!is_word || exists(source))) return Done{};
  const std::string missing = str("there is no [repository ", printable(source), "] in ", configuration.place(),
                                  configuration.warnings().empty() ? "" : ": " + configuration.warnings().front());
  if (is_word) return Error{Code::kInvalid, missing};
  return Error{Code::kInvalid, "expected URL and MOUNTPOINT, got 1 argument"};
}

Status take_places(MountOptions& options, const std::vector<std::string>& places, const Configuration& configuration) {
  if (places.empty() || places.size() > 2)
    return Error{Code::kInvalid, str("expected URL and MOUNTPOINT, got ", places.size(), " arguments")};
  options.source = places[0];
  options.source_origin = options.mount_point_origin = kCommandLineOrigin;
  if (places.size() == 2) options.mount_point = places[1];
  if (!names_repository(places[0], configuration)) return check_plain_places(places, configuration);
  options.configured_as = places[0];
  const Configuration::Section& section = configuration.repositories().at(places[0]);
  const auto* url = section.find("url");
  if (url == nullptr) return Error{Code::kInvalid, section.origin + ": the repository has no url"};
  options.source = url->value;
  options.source_origin = url->origin;
  if (places.size() == 2) return Done{};
  const auto* mount_point = section.find("mount_point");
  if (mount_point == nullptr)
    return Error{Code::kInvalid, section.origin + ": MOUNTPOINT is missing, and the repository has no mount_point"};
  options.mount_point = mount_point->value;
  options.mount_point_origin = mount_point->origin;
  return Done{};
}

Status take_trust(MountOptions& options, const Configuration& configuration) {
  if (!options.trust_file.empty()) return Done{};
  const bool is_configured = !options.configured_as.empty();
  options.trust_file = is_configured ? configuration.trust_file_of(options.configured_as) : "";
  if (is_configured && exists(options.trust_file)) {
    options.settings.insert(options.settings.begin(), {find_mount_option("trust"), options.trust_file, "default"});
    return Done{};
  }
  return Error{Code::kInvalid, "--trust FILE is missing: the publisher hands it out" +
                                   (is_configured ? "; by default it is " + options.trust_file : std::string())};
}

// From a command line: its places, and what it says over the configuration.
Result<MountOptions> compose(const std::vector<std::string>& places, const std::vector<Setting>& given) {
  std::string place = Configuration::default_place();
  for (const Setting& setting : given) {
    if (std::string_view(setting.option->name) == "config") place = setting.value;
  }
  return mount_options_for(Configuration::load(place), places, given);
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

Result<MountOptions> mount_options_for(const Configuration& configuration, const std::vector<std::string>& places,
                                       const std::vector<Setting>& given) {
  MountOptions options;
  const bool is_configured = !places.empty() && names_repository(places[0], configuration);
  if (const auto problem = configuration.problem_of(is_configured ? places[0] : "")) return *problem;
  TRY(take_places(options, places, configuration));
  std::vector<Setting> settings = overlaid(configured(configuration, options.configured_as), given);
  TRY(settle(settings));
  TRY(apply_settings(options, std::move(settings)));
  TRY(take_trust(options, configuration));
  return options;
}

namespace {
// `places` as they are given, and the options. With --help or --version: neither.
Result<MountOptions> parse_long_arguments(const std::vector<std::string>& arguments,
                                          const std::function<Status(std::vector<std::string>& places)>& look_at) {
  MountOptions options;
  std::vector<Setting> given;
  const auto each = [&](const std::string& name, const std::string& value) -> Status {
    if (name == "h" || name == "help") return options.help = true, Done{};
    if (name == "version") return options.version = true, Done{};
    if (name == "o") return append(given, TRY(parse_option_list(value, kCommandLineOrigin))), Done{};
    const MountOption* row = find_mount_option(name);
    return given.push_back({row, row->is_flag() ? "yes" : value, kCommandLineOrigin}), Done{};
  };
  auto places = TRY(walk_options(arguments, ":ho:", long_options(), each));
  if (options.help || options.version) return options;
  TRY(look_at(places));
  return compose(places, given);
}
}  // namespace

Result<MountOptions> parse_mount_arguments(const std::vector<std::string>& arguments) {
  return parse_long_arguments(arguments, [](const auto&) { return Done{}; });
}

Result<MountOptions> parse_resolve_arguments(const std::vector<std::string>& arguments) {
  const auto look_at = [](std::vector<std::string>& places) -> Status {
    if (places.size() != 1) return Error{Code::kInvalid, str("expected one URL, got ", places.size(), " arguments")};
    places.emplace_back("/");  // where it would be mounted, which it is not
    return Done{};
  };
  MountOptions options = TRY(parse_long_arguments(arguments, look_at));
  options.mount_point.clear();
  return options;
}

Result<MountOptions> parse_helper_arguments(const std::vector<std::string>& arguments) {
  bool check_only = false;
  std::vector<std::string> lists;
  std::vector<Setting> given;
  UnknownOptions unknown = UnknownOptions::kRefuse;
  const auto each = [&](const std::string& name, const std::string& value) -> Status {
    if (name == "o") lists.push_back(value);
    if (name == "s") unknown = UnknownOptions::kIgnore;
    if (name == "f") check_only = true;
    if (name == "v") given.push_back({find_mount_option("verbose"), "yes", kCommandLineOrigin});
    return Done{};  // -n: there is no mtab; -N, -t: nothing to us
  };
  const auto places = TRY(walk_options(arguments, ":sfnvo:N:t:", {option{}}, each));
  for (const std::string& list : lists) append(given, TRY(parse_option_list(list, kCommandLineOrigin, unknown)));
  MountOptions options = TRY(compose(places, given));
  options.check_only = check_only;
  return options;
}

}  // namespace granary
