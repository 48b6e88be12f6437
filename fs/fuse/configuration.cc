#include "fs/fuse/configuration.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "fs/base/file.h"
#include "fs/base/nearest.h"
#include "fs/client/connection.h"
#include "fs/fuse/mount_arguments.h"

namespace granary {

namespace {
constexpr std::string_view kBlank = " \t\r";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool is_name(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !text.empty() && text.size() <= 200 && text[0] != '.' && text[0] != '-' &&
         std::all_of(text.begin(), text.end(), is_plain);
}

// What a key may stand in.
struct OwnKey {
  const char* name;
  bool in_defaults;
};
constexpr std::array<OwnKey, 4> kOwnKeys{
    {{"url", false}, {"mount_point", false}, {"automount", true}, {"options", true}}};

const OwnKey* find_own_key(std::string_view key) {
  const auto found = std::find_if(kOwnKeys.begin(), kOwnKeys.end(), [&](const OwnKey& own) { return own.name == key; });
  return found == kOwnKeys.end() ? nullptr : &*found;
}

// Only for a command line, or spelled otherwise there.
bool is_key(const MountOption& option, std::string_view key) {
  return option.key() == key && key != "config" && key != "foreground";
}

std::string unknown_key(std::string_view key) {
  std::vector<std::string> known;
  for (const MountOption& option : mount_options()) known.push_back(option.key());
  for (const OwnKey& own : kOwnKeys) known.emplace_back(own.name);
  const std::string nearest = nearest_word(key, known);
  return str("there is no key \"", printable(key),
             "\": ", nearest.empty() ? "granary mount --help lists the options" : "did you mean \"" + nearest + "\"?");
}

Status check_absolute(std::string_view value) {
  if (value.starts_with('/')) return Done{};
  return Error{Code::kInvalid, "needs an absolute path, not \"" + printable(value) + "\""};
}

Status check_entry(std::string_view key, std::string_view value) {
  if (value.empty()) return Error{Code::kInvalid, "needs a value"};
  if (key == "mount_point") return check_absolute(value);
  if (key == "automount") TRY(parse_yes(value));
  if (key == "url" && value.find("://") == std::string_view::npos) return check_absolute(value);
  return Done{};
}

// A password: in "user:password@host", which may stand behind "https://" or by itself, as proxies do.
struct PasswordPlace {
  size_t begin = 0;
  size_t end = 0;
};
std::optional<PasswordPlace> find_password(std::string_view text, size_t from) {
  constexpr std::string_view kBetween = "/ \t\r\n,;|=\"";
  for (size_t begin = text.find_first_not_of(kBetween, from); begin != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kBetween, begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    const size_t at = word.rfind('@');
    const size_t colon = word.find(':');
    if (at != std::string_view::npos && colon < at) return PasswordPlace{begin + colon + 1, begin + at};
    begin = text.find_first_not_of(kBetween, end);
  }
  return std::nullopt;
}
}  // namespace

// Goes through one file.
struct Configuration::Reader {
  Configuration& out;
  const std::string& file;
  size_t number = 0;  // of the line
  std::string repository{};
  Section* section = nullptr;  // nothing after a wrong heading, and before the first
  bool is_before_sections = true;
  std::set<std::string> said{};     // in this section of this file
  std::vector<Setting> settings{};  // the same

  std::string origin() const { return str(file, ":", number); }
  void complain(const std::string& what) { out.problems_.push_back({repository, origin() + ": " + what}); }

  void line(std::string_view text) {
    ++number;
    text = trimmed(text);
    if (text.empty() || text[0] == '#' || text[0] == ';') return;
    if (text[0] == '[') return heading(text);
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) return complain("neither \"key = value\" nor a section: " + printable(text));
    entry(trimmed(text.substr(0, equals)), trimmed(text.substr(equals + 1)));
  }

  void heading(std::string_view text) {
    end_section();
    const std::string_view inside = text.ends_with(']') ? trimmed(text.substr(1, text.size() - 2)) : "";
    constexpr std::string_view kRepository = "repository";
    if (inside == "defaults") {
      section = &out.defaults_;
    } else if (inside.starts_with(kRepository) && is_name(trimmed(inside.substr(kRepository.size()))) &&
               kBlank.find(inside[kRepository.size()]) != std::string_view::npos) {
      repository = trimmed(inside.substr(kRepository.size()));
      section = &out.repositories_[repository];
    } else {
      return complain("sections are [defaults] and [repository NAME], not " + printable(text));
    }
    if (section->origin.empty()) section->origin = origin();
  }

  void end_section() {
    if (section != nullptr) section->settings = overlaid(std::move(section->settings), settings);
    section = nullptr;
    is_before_sections = false;
    repository.clear();
    said.clear();
    settings.clear();
  }

  void entry(std::string_view key, std::string_view value) {
    if (section == nullptr) {
      if (is_before_sections) complain("before any section: [defaults] or [repository NAME] comes first");
      is_before_sections = false;
      return;
    }
    if (const Status taken = take(std::string(key), std::string(value)); !taken) complain(taken.error().message);
  }

  Status take(const std::string& key, const std::string& value) {
    const OwnKey* own = find_own_key(key);
    const MountOption* option = find_mount_option(key);
    if (own == nullptr && (option == nullptr || !is_key(*option, key))) return Error{Code::kInvalid, unknown_key(key)};
    if (own != nullptr && section == &out.defaults_ && !own->in_defaults)
      return Error{Code::kInvalid, key + " belongs to a repository, not to the defaults"};
    if (own == nullptr) return take_setting({option, value, origin()});
    TRY_WITHIN(key, check_entry(key, value));
    if (!said.insert(key).second) return Error{Code::kInvalid, key + " is said twice in this section"};
    if (key == "options") return take_list(value);
    replace_entry({key, value, origin()});
    return Done{};
  }

  Status take_setting(Setting setting) {
    const MountOption& option = *setting.option;
    const std::string key = option.key();
    const bool is_said = std::any_of(settings.begin(), settings.end(),
                                     [&](const Setting& earlier) { return earlier.option == &option; });
    if (is_said && option.kind != MountOption::Kind::kList)
      return Error{Code::kInvalid, key + " is said twice in this section"};
    TRY_WITHIN(key, check_entry(key, setting.value));
    if (option.is_flag()) TRY_WITHIN(key, parse_yes(setting.value));
    const bool is_no_cache = key == "cache" && setting.value == kNoCache;
    if (option.is_path() && !is_no_cache) TRY_WITHIN(key, check_absolute(setting.value));
    settings.push_back(std::move(setting));
    return Done{};
  }

  Status take_list(const std::string& value) {
    for (Setting& setting : TRY(parse_option_list(value, origin()))) {
      if (!is_key(*setting.option, setting.option->key()))
        return Error{Code::kInvalid, str(setting.option->name, " cannot be configured")};
      setting.value = trimmed(setting.value);
      TRY(take_setting(std::move(setting)));
    }
    return Done{};
  }

  void replace_entry(Entry entry) const {
    std::erase_if(section->entries, [&](const Entry& earlier) { return earlier.key == entry.key; });
    section->entries.push_back(std::move(entry));
  }
};

const Configuration::Entry* Configuration::Section::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

std::string Configuration::default_place() {
  const char* place = ::secure_getenv("GRANARY_CONFIG");
  return place == nullptr || *place == '\0' ? kDefaultPlace : place;
}

void Configuration::add(ByteView text, const std::string& file) {
  Reader reader{*this, file};
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    reader.line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  reader.end_section();
}

void Configuration::read(const std::string& file, bool is_explicit) {
  const auto text = read_file(file, kMaxConfigurationBytes);
  if (!text) {
    if (text.error().code == Code::kPermission) {
      warnings_.push_back(text.error().message);  // for others' eyes: it may hold a password
    } else if (text.error().code != Code::kNotFound || is_explicit)
      problems_.push_back({"", "cannot read the configuration: " + text.error().message});
    return;
  }
  struct stat info {};
  const bool everybody_reads = ::stat(file.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0;
  if (everybody_reads && holds_password(*text))
    warnings_.push_back(file + ": holds a password, and everybody may read it: chmod 600");
  add(*text, file);
}

Configuration Configuration::load(const std::string& place) {
  Configuration out;
  std::error_code failure;
  if (!std::filesystem::is_directory(place, failure)) {
    out.place_ = std::filesystem::path(place).parent_path();
    out.read(place, place != kDefaultPlace);
    return out;
  }
  out.place_ = place;
  out.read(place + "/granary.conf", false);
  std::vector<std::string> more;
  for (std::filesystem::directory_iterator at(place + "/conf.d", failure), end; !failure && at != end;
       at.increment(failure)) {
    const std::string name = at->path().filename();
    if (name.ends_with(".conf") && name[0] != '.') more.push_back(at->path());
  }
  std::sort(more.begin(), more.end());
  for (const std::string& file : more) out.read(file, true);
  return out;
}

std::optional<Error> Configuration::problem_of(const std::string& repository) const {
  for (const Problem& problem : problems_) {
    if (problem.repository.empty() || problem.repository == repository) return Error{Code::kInvalid, problem.text};
  }
  return std::nullopt;
}

std::string Configuration::trust_file_of(const std::string& repository) const {
  return place_ + "/" + repository + ".trust";
}

bool holds_password(const std::string& value) { return find_password(value, 0).has_value(); }

std::string without_passwords(const std::string& value) {
  constexpr std::string_view kMask = "***";
  std::string out = value;
  size_t from = 0;
  while (const auto place = find_password(out, from)) {
    out.replace(place->begin, place->end - place->begin, kMask);
    from = place->begin + kMask.size();
  }
  return out;
}

}  // namespace granary
