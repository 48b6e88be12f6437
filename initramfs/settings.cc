#include "initramfs/settings.h"

#include <algorithm>
#include <charconv>

#include "fs/base/bytes.h"
#include "fs/base/nearest.h"
#include "fs/base/size.h"
#include "fs/base/time.h"

namespace granary {

namespace {
using Who = BootSetting::Who;
constexpr size_t kMaxSayings = 512;
constexpr size_t kMaxValueBytes = 1 << 20;  // an `inject` is the longest

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Words between any of `separators`, empty ones left out.
std::vector<std::string> words_of(std::string_view text, std::string_view separators) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = text.find_first_of(separators);
    const std::string_view word = trimmed(text.substr(0, end));
    if (!word.empty()) words.emplace_back(word);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return words;
}

Error wrong(const std::string& value, const char* expected) {
  return Error{Code::kInvalid, str("not ", expected, ": ", printable(value))};
}

bool is_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !text.empty() && text.size() <= 255 && text.front() != '.' && std::all_of(text.begin(), text.end(), fits);
}

// What is handed on to other programs as one word: no control characters.
bool is_word(std::string_view text) {
  return text.size() <= 4096 && std::all_of(text.begin(), text.end(),
                                            [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; });
}

template <bool Settings::*flag>
Status set_flag(Settings& settings, const std::string& value) {
  static constexpr std::string_view kYes[]{"", "yes", "on", "true", "1"}, kNo[]{"no", "off", "false", "0"};
  const bool yes = std::find(std::begin(kYes), std::end(kYes), value) != std::end(kYes);
  if (!yes && std::find(std::begin(kNo), std::end(kNo), value) == std::end(kNo)) return wrong(value, "yes or no");
  settings.*flag = yes;
  return Done{};
}

template <std::string Settings::*text>
Status set_word(Settings& settings, const std::string& value) {
  if (!is_word(value)) return wrong(value, "one word without blanks");
  settings.*text = value;
  return Done{};
}

template <std::string Settings::*text>
Status set_name(Settings& settings, const std::string& value) {
  if (!value.empty() && !is_name(value)) return wrong(value, "a name of letters, digits, '.', '_' and '-'");
  settings.*text = value;
  return Done{};
}

template <std::vector<std::string> Settings::*list>
Status set_list(Settings& settings, const std::string& value) {
  std::vector<std::string> words = words_of(value, " \t,");
  if (words.size() > 32) return wrong(value.substr(0, 60), "a list of at most 32");
  for (const std::string& word : words) {
    if (!is_word(word)) return wrong(word, "one word without blanks");
  }
  settings.*list = std::move(words);
  return Done{};
}

template <std::chrono::seconds Settings::*seconds>
Status set_seconds(Settings& settings, const std::string& value) {
  const std::string with_unit = !value.empty() && value.back() >= '0' && value.back() <= '9' ? value + "s" : value;
  const auto parsed = parse_duration_seconds(with_unit);
  if (!parsed) return wrong(value, "a time such as 60s or 10m");
  settings.*seconds = std::chrono::seconds(*parsed);
  return Done{};
}

template <uint64_t Settings::*size>
Status set_size(Settings& settings, const std::string& value) {
  settings.*size = TRY(parse_size(value));
  return Done{};
}

// One of a few words, said in `help` the same way.
Status one_of(std::string& text, const std::string& value, std::initializer_list<const char*> words) {
  std::string all;
  for (const char* word : words) {
    if (value == word) {
      text = value;
      return Done{};
    }
    all += (all.empty() ? "" : ", ") + std::string(word);
  }
  return wrong(value, ("one of " + all).c_str());
}

Status set_repository(Settings& settings, const std::string& value) {
  std::vector<std::string> urls = words_of(value, " \t,;");
  for (const std::string& url : urls) {
    const bool known = url.starts_with("http://") || url.starts_with("https://") || url.starts_with("file:///");
    if (!known || !is_word(url)) return wrong(url, "an http:// or https:// URL");
  }
  if (urls.empty() || urls.size() > 16) return wrong(value, "URLs, one to sixteen");
  settings.repository = std::move(urls);
  return Done{};
}

// The three ways of naming a snapshot exclude each other: the last one said holds.
template <std::string Settings::*chosen>
Status set_selector(Settings& settings, const std::string& value) {
  if (!is_word(value)) return wrong(value, "the name of a branch, a tag or a snapshot");
  settings.tag = settings.snapshot = "";
  settings.*chosen = value;
  return Done{};
}

Status set_path(Settings& settings, const std::string& value) {
  std::string path;
  for (const std::string& part : words_of(value, "/")) {
    if (part == ".." || !is_word(part)) return wrong(value, "a path below the tree's root");
    if (part != ".") path += (path.empty() ? "" : "/") + part;
  }
  settings.path = path;
  return Done{};
}

Status set_network(Settings& settings, const std::string& value) {
  return one_of(settings.network, value, {"dhcp", "static", "none"});
}

Status add_ip(Settings& settings, const std::string& value) {
  if (!is_word(value)) return wrong(value, "CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:DEVICE:AUTOCONF");
  settings.ip.push_back(value);
  return Done{};
}

template <std::vector<std::string> Settings::*list>
Status add_to_list(Settings& settings, const std::string& value) {
  for (const std::string& word : words_of(value, " \t,")) {
    if (!is_word(word)) return wrong(word, "an address");
    (settings.*list).push_back(word);
  }
  if ((settings.*list).size() > 16) return wrong(value, "a list of at most 16");
  return Done{};
}

Status set_hostname(Settings& settings, const std::string& value) {
  if (!is_name(value) || value.size() > 64) return wrong(value, "a host name of at most 64 letters, digits, '-', '.'");
  settings.hostname = value;
  return Done{};
}

Status set_seed(Settings& settings, const std::string& value) {
  if (!(value.starts_with("http://") || value.starts_with("https://")) || !is_word(value))
    return wrong(value, "an http:// or https:// URL");
  settings.seed = value.ends_with('/') ? value : value + "/";
  return Done{};
}

Status set_inject(Settings& settings, const std::string& value) {
  std::string packed;
  std::copy_if(value.begin(), value.end(), std::back_inserter(packed), [](char c) { return !is_blank(c); });
  if (!from_base64(packed)) return Error{Code::kInvalid, "not base64 (of a tar.gz)"};
  settings.inject = std::move(packed);
  return Done{};
}

Status set_scratch(Settings& settings, const std::string& value) {
  const bool known = value == "auto" || value == "none" || (value.starts_with("LABEL=") && value.size() > 6) ||
                     (value.starts_with("/dev/") && value.find("..") == std::string::npos);
  if (!known || !is_word(value)) return wrong(value, "auto, none, a device in /dev or LABEL=NAME");
  settings.scratch = value;
  return Done{};
}

Status set_scratch_size(Settings& settings, const std::string& value) {
  if (value == "all") {
    settings.scratch_size_bytes = 0;
    return Done{};
  }
  return set_size<&Settings::scratch_size_bytes>(settings, value);
}

Status set_on_failure(Settings& settings, const std::string& value) {
  return one_of(settings.on_failure, value, {"reboot", "poweroff", "halt"});
}

Status set_retries(Settings& settings, const std::string& value) {
  uint32_t count = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), count);
  if (failure != std::errc() || end != value.data() + value.size() || count > 100)
    return wrong(value, "a number of at most 100");
  settings.retries = count;
  return Done{};
}

// Names as people may write them: words joined by '-' or '_', any case.
std::string canonical(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c == '-') c = '_';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

const BootSetting* find_setting(std::string_view name) {
  for (const BootSetting& setting : setting_table()) {
    if (name == setting.name) return &setting;
  }
  return nullptr;
}

std::string hint(const std::string& name) {
  std::vector<std::string> names;
  for (const BootSetting& setting : setting_table()) names.emplace_back(setting.name);
  const std::string near = nearest_word(name, names);
  return near.empty() ? std::string("docs/booting.md lists them all") : str("did you mean ", near, "?");
}

bool may_say(Who who, SaidBy by) {
  if (who == Who::kImageOnly) return by == SaidBy::kImage;
  return who == Who::kAnybody || by != SaidBy::kContext;
}

std::string complaint(const Saying& saying, const std::string& what) {
  return str(saying.origin, ": ", printable(saying.name), ": ", what);
}

// Its complaint, or nothing.
std::string take(Settings& settings, const Saying& saying) {
  const std::string name = canonical(saying.name);
  const BootSetting* setting = find_setting(name);
  if (setting == nullptr) return complaint(saying, "there is no such setting; " + hint(name));
  if (!may_say(setting->who, saying.by))
    return complaint(saying, setting->who == Who::kImageOnly
                                 ? "only the image can say this; left as it is (granary micro build --set)"
                                 : "only the image or the kernel command line can say this; left as it is");
  if (saying.value.size() > kMaxValueBytes) return complaint(saying, "far too long; left as it is");
  const Status set = setting->set(settings, saying.value);
  return set ? std::string() : complaint(saying, set.error().message + "; left as it is");
}

// Lists that are added to begin anew with each speaker, who replaces what weaker ones said.
void begin_speaker(Settings& settings, const std::vector<Saying>& sayings, SaidBy by) {
  for (const Saying& saying : sayings) {
    if (saying.by != by) continue;
    const std::string name = canonical(saying.name);
    if (name == "ip") settings.ip.clear();
    if (name == "dns") settings.dns.clear();
    if (name == "ntp") settings.ntp.clear();
  }
}

// Words of a kernel command line; double quotes keep blanks together and are left out.
std::vector<std::string> command_line_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false, inside = false;
  for (const char c : text) {
    if (c == '\0') break;
    if (c == '"') {
      quoted = !quoted;
      inside = true;
    } else if (is_blank(c) && !quoted) {
      if (inside) words.push_back(std::move(word));
      word.clear();
      inside = false;
    } else {
      word += c;
      inside = true;
    }
  }
  if (inside) words.push_back(std::move(word));
  return words;
}

constexpr const char* kCommandLine = "kernel command line";

// The seed's (micro-CernVM's) parameters, as far as they mean something here.
void add_seed_parameter(std::vector<Saying>& sayings, const std::string& name, const std::string& value) {
  static constexpr std::pair<const char*, const char*> kNames[]{{"cvmfs_server", "repository"},
                                                                {"cvmfs_proxy", "proxy"},
                                                                {"cvmfs_http_proxy", "proxy"},
                                                                {"cvmfs_repository_tag", "tag"},
                                                                {"cernvm_path", "path"}};
  for (const auto& [theirs, ours] : kNames) {
    if (name != theirs) continue;
    // What they called a server is a repository's URL here: a name alone would leave the path unknown.
    if (name == "cvmfs_server" && value.find("://") == std::string::npos) return;
    // HEAD was their moving name: the newest of the branch.
    if (name == "cvmfs_repository_tag" && value.starts_with("HEAD")) return;
    sayings.push_back({ours, value, SaidBy::kCommandLine, str(kCommandLine, " (", theirs, ")")});
  }
}

void add_data_source(std::vector<Saying>& sayings, std::string_view value) {
  for (const std::string& part : words_of(value, ";")) {
    std::string url;
    if (part.starts_with("s=")) url = part.substr(2);
    if (part.starts_with("seedfrom=")) url = part.substr(9);
    if (url.starts_with("http")) sayings.push_back({"seed", url, SaidBy::kCommandLine, str(kCommandLine, " (ds=)")});
    if (part.starts_with("h=")) sayings.push_back({"hostname", part.substr(2), SaidBy::kCommandLine, kCommandLine});
  }
}
}  // namespace

const std::vector<BootSetting>& setting_table() {
  static const std::vector<BootSetting> kTable{
      // clang-format off
      {"repository", "URL[,URL]...", "what is booted: the repository, then its mirrors", Who::kAnybody, set_repository},
      {"trust", "NAME", "which of the image's trust files the repository is held to; needed when it has several", Who::kAnybody, set_name<&Settings::trust>},
      {"branch", "NAME", "the branch whose newest snapshot the first boot takes (main)", Who::kAnybody, set_selector<&Settings::branch>},
      {"tag", "NAME", "the snapshot with this tag, instead", Who::kAnybody, set_selector<&Settings::tag>},
      {"snapshot", "ID", "this snapshot, instead", Who::kAnybody, set_selector<&Settings::snapshot>},
      {"path", "PATH", "the directory of the tree that becomes the root (all of it)", Who::kAnybody, set_path},
      {"proxy", "LIST", "HTTP proxies: | between those that share the load, ; before those asked when these fail; DIRECT", Who::kAnybody, set_word<&Settings::proxy>},
      {"profile", "NAME", "the profile that is fetched ahead (boot); empty: none", Who::kAnybody, set_name<&Settings::profile>},
      {"record", "", "record what the start touches, for a profile: /run/granary-boot/boot.trace", Who::kAnybody, set_flag<&Settings::record>},
      {"archive", "", "accept a repository that is authentic but stale", Who::kImageOrCommandLine, set_flag<&Settings::archive>},
      {"allow_withdrawn", "", "boot a snapshot even if its publisher has withdrawn it", Who::kImageOrCommandLine, set_flag<&Settings::allow_withdrawn>},
      {"network", "dhcp|static|none", "how links get their addresses (dhcp)", Who::kAnybody, set_network},
      {"ip", "CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:DEVICE:AUTOCONF:DNS:DNS:NTP", "one link's address, as the kernel writes it; may be repeated", Who::kAnybody, add_ip},
      {"dns", "ADDRESS[,ADDRESS]...", "name servers, before those of DHCP; may be repeated", Who::kAnybody, add_to_list<&Settings::dns>},
      {"ntp", "HOST[,HOST]...", "time servers, before those of DHCP; may be repeated", Who::kAnybody, add_to_list<&Settings::ntp>},
      {"network_timeout", "TIME", "how long links and leases are waited for (60s)", Who::kAnybody, set_seconds<&Settings::network_timeout>},
      {"hostname", "NAME", "the machine's name", Who::kAnybody, set_hostname},
      {"context", "auto|none|LIST", "where the context is looked for: nocloud, configdrive, opennebula, ec2, openstack (auto)", Who::kImageOrCommandLine, set_word<&Settings::context>},
      {"seed", "URL", "NoCloud's files are below this URL (also ds=nocloud;s=URL)", Who::kImageOrCommandLine, set_seed},
      {"extra_user_data", "", "take /granary/extra-user-data from attached file systems, too", Who::kImageOnly, set_flag<&Settings::extra_user_data>},
      {"inject", "BASE64", "a tar.gz that is unpacked once over the new root", Who::kAnybody, set_inject},
      {"scratch", "auto|none|DEVICE|LABEL=NAME", "where the cache and the OS's changes are kept (auto); none: in memory", Who::kAnybody, set_scratch},
      {"scratch_size", "SIZE", "of a partition made on the boot disk (all that is free)", Who::kAnybody, set_scratch_size},
      {"resize", "yes|no", "grow the scratch file system when its disk has grown (yes)", Who::kAnybody, set_flag<&Settings::resize>},
      {"repair", "", "repair a damaged scratch file system even if files may be lost (e2fsck -y)", Who::kImageOrCommandLine, set_flag<&Settings::repair>},
      {"persistent", "yes|no", "the OS's changes outlive a reboot (yes)", Who::kAnybody, set_flag<&Settings::persistent>},
      {"quota", "SIZE", "of the cache (half of scratch, at most 4G)", Who::kAnybody, set_size<&Settings::quota_bytes>},
      {"rescue", "", "offer a shell where a step fails, and before the switch to the OS", Who::kImageOrCommandLine, set_flag<&Settings::rescue>},
      {"on_failure", "reboot|poweroff|halt", "when nothing helps (reboot)", Who::kAnybody, set_on_failure},
      {"retries", "N", "how often a step that needs the network is tried again (3)", Who::kAnybody, set_retries},
      {"complete_timeout", "TIME", "for an update under trial to reach the boot-complete mark (600s)", Who::kAnybody, set_seconds<&Settings::complete_timeout>},
      {"verbose", "", "say more on the console", Who::kAnybody, set_flag<&Settings::verbose>},
      // clang-format on
  };
  return kTable;
}

Settings settle(std::vector<Saying> sayings, std::vector<std::string>& complaints) {
  Settings settings;
  if (sayings.size() > kMaxSayings) {
    complaints.push_back(str("more than ", kMaxSayings, " settings: the rest is left out"));
    sayings.resize(kMaxSayings);
  }
  for (const SaidBy by : {SaidBy::kImage, SaidBy::kContext, SaidBy::kCommandLine}) {
    begin_speaker(settings, sayings, by);
    for (const Saying& saying : sayings) {
      if (saying.by != by) continue;
      std::string what = take(settings, saying);
      if (!what.empty()) complaints.push_back(std::move(what));
    }
  }
  return settings;
}

std::vector<Saying> parse_command_line(std::string_view text) {
  std::vector<Saying> sayings;
  for (const std::string& word : command_line_words(text)) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (name == "--") break;  // what follows is for the OS's init
    if (name.starts_with("granary.") && name.size() > 8)
      sayings.push_back({name.substr(8), value, SaidBy::kCommandLine, kCommandLine});
    if (name == "ip" && !value.empty()) sayings.push_back({"ip", value, SaidBy::kCommandLine, kCommandLine});
    if (name == "nameserver") sayings.push_back({"dns", value, SaidBy::kCommandLine, kCommandLine});
    if (name == "ds") add_data_source(sayings, value);
    add_seed_parameter(sayings, name, value);
  }
  return sayings;
}

std::vector<Saying> parse_image_config(std::string_view text) {
  std::vector<Saying> sayings;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    const size_t equals = line.find('=');
    const std::string_view value = equals == std::string_view::npos ? "" : trimmed(line.substr(equals + 1));
    sayings.push_back({std::string(trimmed(line.substr(0, equals))), std::string(value), SaidBy::kImage, "the image"});
  }
  return sayings;
}

}  // namespace granary
