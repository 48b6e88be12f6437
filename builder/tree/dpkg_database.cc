#include "builder/tree/dpkg_database.h"

#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr const char* kHome = "var/lib/dpkg/";
constexpr size_t kMaxHashedBytes = size_t{4} << 30;

std::vector<std::string_view> lines_of(ByteView text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  for (size_t at = 0; (at = line.find_first_not_of(" \t\r", at)) != line.npos;) {
    const size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
    words.emplace_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

std::string relative(std::string_view path) {
  return std::string(path.substr(std::min(path.find_first_not_of('/'), path.size())));
}

bool same_name(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) { return std::tolower(a) == std::tolower(b); });
}

// The name in info/ and among triggers: packages that may be there for several architectures at once carry theirs.
std::string info_name(ByteView control) {
  const std::string package = control_field(control, "Package");
  if (control_field(control, "Multi-Arch") != "same") return package;
  return package + ":" + control_field(control, "Architecture");
}

// As dpkg writes it for a package that was unpacked and never configured.
std::string conffiles_field(ByteView conffiles) {
  std::string field;
  for (const std::string_view line : lines_of(conffiles)) {
    auto words = words_of(line);
    if (words.empty()) continue;
    const bool removes = words[0] == "remove-on-upgrade" && words.size() > 1;
    field += str("\n ", words[removes ? 1 : 0], " newconffile", removes ? " remove-on-upgrade" : "");
  }
  return field.empty() ? "" : "Conffiles:" + field + "\n";
}

std::string file_list(const std::vector<LayerEntry>& entries) {
  std::string list;
  for (const LayerEntry& entry : entries) list += entry.path.empty() ? "/.\n" : "/" + entry.path + "\n";
  return list;
}

// What dpkg makes for a package that brings no md5sums.
Result<std::string> md5_sums(const PackageLayer& package) {
  std::string sums;
  for (const LayerEntry& entry : package.entries()) {
    if (entry.type != DebEntry::Type::kFile && entry.type != DebEntry::Type::kHardLink) continue;
    const Bytes content = TRY(read_file(package.tree() + "/" + entry.path, kMaxHashedBytes));
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_Digest(content.data(), content.size(), digest, &size, EVP_md5(), nullptr) != 1)
      return Error{Code::kInternal, "cannot compute an MD5 sum"};
    sums += to_hex(ByteView(reinterpret_cast<const char*>(digest), size)) + "  " + entry.path + "\n";
  }
  return sums;
}

// "#42", or a name in passwd or group, whose third field is the number.
std::optional<uint32_t> number_of(const std::string& name, ByteView table) {
  uint32_t number = 0;
  const auto parse = [&](std::string_view digits) {
    return std::from_chars(digits.data(), digits.data() + digits.size(), number).ec == std::errc{};
  };
  if (name.starts_with("#")) return parse(std::string_view(name).substr(1)) ? std::optional(number) : std::nullopt;
  for (const std::string_view line : lines_of(table)) {
    if (!line.starts_with(name + ":")) continue;
    const size_t second = line.find(':', name.size() + 1);
    if (second != line.npos && parse(line.substr(second + 1))) return number;
  }
  return std::nullopt;
}
}  // namespace

std::string control_field(ByteView control, std::string_view name) {
  std::string value;
  bool inside = false;
  for (const std::string_view line : lines_of(control)) {
    const bool continues = line.front() == ' ' || line.front() == '\t';
    if (inside && !continues) break;
    if (inside) value += "\n" + std::string(line);
    const size_t colon = line.find(':');
    if (continues || inside || colon == line.npos || !same_name(line.substr(0, colon), name)) continue;
    inside = true;
    const size_t begin = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
    value = line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
  }
  return value;
}

Result<DpkgDatabase> DpkgDatabase::open(TreeRoot& tree) {
  DpkgDatabase database(tree);
  const std::string home = kHome;
  if (!tree.has(home + "status")) {
    TRY(tree.write(home + "status", ""));
    TRY(tree.write(home + "info/format", "1\n"));
  }
  TRY(database.refresh());
  TRY(database.refresh_overrides());
  return database;
}

Status DpkgDatabase::refresh() {
  tree_->forget();
  stanzas_.clear();
  const Bytes status = TRY(tree_->read(std::string(kHome) + "status"));
  for (size_t begin = 0; begin < status.size();) {
    const size_t end = std::min(status.find("\n\n", begin), status.size());
    keep(status.substr(begin, end - begin) + "\n");
    begin = end + 2;
  }
  TRY(read_diversions());
  return read_interests();
}

Status DpkgDatabase::read_diversions() {
  diversions_.clear();
  const Bytes text = TRY(tree_->read_if_there(std::string(kHome) + "diversions"));
  const auto lines = lines_of(text);
  for (size_t i = 0; i + 2 < lines.size(); i += 3)
    diversions_[relative(lines[i])] = {relative(lines[i + 1]), std::string(lines[i + 2])};
  return Done{};
}

Status DpkgDatabase::refresh_overrides() {
  overrides_.clear();
  const Bytes text = TRY(tree_->read_if_there(std::string(kHome) + "statoverride"));
  if (text.empty()) return Done{};
  const Bytes users = TRY(tree_->read_if_there("etc/passwd"));
  const Bytes groups = TRY(tree_->read_if_there("etc/group"));
  for (const std::string_view line : lines_of(text)) {
    const auto words = words_of(line);
    if (words.size() != 4) continue;
    const auto uid = number_of(words[0], users);
    const auto gid = number_of(words[1], groups);
    uint32_t mode = 0;
    std::from_chars(words[2].data(), words[2].data() + words[2].size(), mode, 8);
    if (!uid || !gid) continue;  // dpkg refuses to work then; let it say so
    overrides_[relative(words[3])] = {*uid, *gid, static_cast<uint16_t>(mode)};
  }
  return Done{};
}

Status DpkgDatabase::read_interests() {
  interests_.clear();
  const Bytes text = TRY(tree_->read_if_there(std::string(kHome) + "triggers/File"));
  for (const std::string_view line : lines_of(text)) {
    auto words = words_of(line);
    if (words.size() != 2) continue;
    const size_t slash = words[1].find('/');
    interests_.push_back({words[0], words[1].substr(0, slash), slash == std::string::npos});
  }
  return Done{};
}

const std::string& DpkgDatabase::diverted(const std::string& path, const std::string& package) const {
  const auto found = diversions_.find(path);
  return found == diversions_.end() || found->second.package == package ? path : found->second.to;
}

std::optional<DpkgDatabase::Override> DpkgDatabase::override_of(const std::string& path) const {
  const auto found = overrides_.find(path);
  return found == overrides_.end() ? std::nullopt : std::optional(found->second);
}

std::string DpkgDatabase::version_of(const std::string& package) const {
  const auto found = stanzas_.lower_bound({package, ""});
  return found == stanzas_.end() || found->first.first != package ? "" : control_field(found->second, "Version");
}

void DpkgDatabase::keep(std::string stanza) {
  std::pair key(control_field(stanza, "Package"), control_field(stanza, "Architecture"));
  stanzas_[std::move(key)] = std::move(stanza);
}

Status DpkgDatabase::write_info(const std::string& name, const PackageLayer& package) {
  const std::string stem = std::string(kHome) + "info/" + name + ".";
  for (const auto& [file, control] : package.control()) {
    if (file == "control") continue;
    TRY(tree_->write(stem + file, control.content, control.mode));
    const auto at = TRY(tree_->place(stem + file));
    const timespec times[2] = {{control.mtime, 0}, {control.mtime, 0}};
    if (::utimensat(at.directory, at.name.c_str(), times, 0) != 0)
      return system_error(errno, "cannot set the time of " + stem + file);
  }
  if (!package.control().contains("md5sums")) TRY(tree_->write(stem + "md5sums", TRY(md5_sums(package))));
  return tree_->write(stem + "list", file_list(package.entries()));
}

void DpkgDatabase::activate(const std::string& trigger, const std::string& package, bool awaits) {
  if (!activated_.contains(trigger)) trigger_order_.push_back(trigger);
  activated_[trigger].insert(awaits ? package : "-");
}

void DpkgDatabase::activate_by_files(const std::string& package, const PackageLayer& layer) {
  std::set<std::string_view> paths;  // all there are, and the directories above them
  for (const LayerEntry& entry : layer.entries()) {
    std::string_view path = entry.path;
    while (!path.empty() && paths.insert(path).second)
      path = path.substr(0, path.find_last_of('/') == path.npos ? 0 : path.find_last_of('/'));
  }
  for (const Interest& interest : interests_)
    if (paths.contains(std::string_view(interest.path).substr(1))) activate(interest.path, package, interest.awaits);
}

// deb-triggers(5).
Status DpkgDatabase::take_triggers(const std::string& package, ByteView directives) {
  for (const std::string_view line : lines_of(directives)) {
    const auto words = words_of(line.substr(0, line.find('#')));
    if (words.size() != 2) continue;
    const std::string& name = words[1];
    const bool awaits = !words[0].ends_with("-noawait");
    if (words[0].starts_with("activate")) activate(name, package, awaits);
    if (!words[0].starts_with("interest")) continue;
    if (name.starts_with("/")) {
      interests_.push_back({name, package, awaits});
      interests_changed_ = true;
      continue;
    }
    if (name.find('/') != name.npos)
      return Error{Code::kCorrupt, str("the trigger ", printable(name), " of ", package)};
    const std::string path = str(kHome, "triggers/", name);
    const std::string others = TRY(tree_->read_if_there(path));
    TRY(tree_->write(path, str(others, package, awaits ? "" : "/noawait", "\n")));
  }
  return Done{};
}

Status DpkgDatabase::add(const PackageLayer& package) {
  const ByteView control = package.control_file("control");
  const std::string name = control_field(control, "Package");
  if (name.empty() || name.find_first_of("/\n ") != name.npos)
    return Error{Code::kCorrupt, "a package has no name, or a strange one: " + printable(name)};
  const std::string full_name = info_name(control);
  TRY(write_info(full_name, package));
  activate_by_files(full_name, package);
  TRY(take_triggers(full_name, package.control_file("triggers")));

  std::string stanza;
  for (const std::string_view line : lines_of(control)) {
    stanza += std::string(line) + "\n";
    if (same_name(line.substr(0, line.find(':')), "Package")) stanza += "Status: install ok unpacked\n";
  }
  keep(stanza + conffiles_field(package.control_file("conffiles")));
  return Done{};
}

Status DpkgDatabase::flush() {
  const std::string home = kHome;
  Bytes status;
  for (const auto& [key, stanza] : stanzas_) status += stanza + "\n";
  TRY(tree_->write(home + "status", status));
  if (interests_changed_) {
    std::string file;
    for (const Interest& interest : interests_)
      file += str(interest.path, " ", interest.package, interest.awaits ? "" : "/noawait", "\n");
    TRY(tree_->write(home + "triggers/File", file));
    interests_changed_ = false;
  }
  if (trigger_order_.empty()) return Done{};
  std::string unincorporated = TRY(tree_->read_if_there(home + "triggers/Unincorp"));
  for (const std::string& trigger : trigger_order_) {
    unincorporated += trigger;
    for (const std::string& package : activated_[trigger]) unincorporated += " " + package;
    unincorporated += "\n";
  }
  trigger_order_.clear();
  activated_.clear();
  return tree_->write(home + "triggers/Unincorp", unincorporated);
}

}  // namespace granary
