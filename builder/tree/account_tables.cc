#include "builder/tree/account_tables.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>

namespace granary {

namespace {
constexpr const char* kMasters = "usr/share/base-passwd/";

std::optional<uint32_t> number(const std::string& text) {
  uint32_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == by)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::string joined(const std::vector<std::string>& parts, char by) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) text += (i == 0 ? "" : std::string(1, by)) + parts[i];
  return text;
}

// Keeps owner and mode, and writes nothing that is there already.
Status replace(TreeRoot& tree, const std::string& path, const Bytes& content) {
  const auto there = TRY(tree.look(path));
  if (!there) return tree.write(path, content);
  if (TRY(tree.read(path)) == content) return Done{};
  return tree.write(path, content, there->st_mode & 07777, there->st_uid, there->st_gid);
}

Status begin_with(TreeRoot& tree, const std::string& path, const std::string& master) {
  if (tree.has(path)) return Done{};
  return tree.write(path, TRY(tree.read_if_there(kMasters + master)));
}
}  // namespace

AccountTables::Table AccountTables::parse(const Bytes& text) {
  Table table;
  for (const std::string& line : split(text, '\n'))
    if (!line.empty()) table.push_back(split(line, ':'));
  return table;
}

Bytes AccountTables::text_of(const Table& table) {
  Bytes text;
  for (const auto& fields : table) text += joined(fields, ':') + "\n";
  return text;
}

std::optional<size_t> AccountTables::line_of(const Table& table, const std::string& name) {
  for (size_t i = 0; i < table.size(); ++i)
    if (table[i][0] == name) return i;
  return std::nullopt;
}

bool AccountTables::has_number(const Table& table, uint32_t wanted) {
  return std::any_of(table.begin(), table.end(),
                     [&](const auto& fields) { return fields.size() > 2 && number(fields[2]) == wanted; });
}

Result<AccountTables> AccountTables::read(TreeRoot& tree) {
  TRY(begin_with(tree, "etc/passwd", "passwd.master"));
  TRY(begin_with(tree, "etc/group", "group.master"));
  AccountTables tables;
  tables.passwd_ = parse(TRY(tree.read("etc/passwd")));
  tables.group_ = parse(TRY(tree.read("etc/group")));
  tables.has_shadow_ = tree.has("etc/shadow");
  tables.has_gshadow_ = tree.has("etc/gshadow");
  tables.shadow_ = parse(TRY(tree.read_if_there("etc/shadow")));
  tables.gshadow_ = parse(TRY(tree.read_if_there("etc/gshadow")));
  return tables;
}

Status AccountTables::write(TreeRoot& tree) const {
  TRY(replace(tree, "etc/group", text_of(group_)));
  TRY(replace(tree, "etc/passwd", text_of(passwd_)));
  if (has_gshadow_) TRY(replace(tree, "etc/gshadow", text_of(gshadow_)));
  if (has_shadow_) TRY(replace(tree, "etc/shadow", text_of(shadow_)));
  return Done{};
}

std::optional<AccountTables::User> AccountTables::user(const std::string& name) const {
  const auto line = line_of(passwd_, name);
  if (!line || passwd_[*line].size() < 7) return std::nullopt;
  const auto& fields = passwd_[*line];
  User user{
      name, number(fields[2]).value_or(0), number(fields[3]).value_or(0), fields[4], fields[5], fields[6], fields[1],
      {}};
  if (const auto secret = line_of(shadow_, name); secret && shadow_[*secret].size() > 1)
    user.password = shadow_[*secret][1];
  return user;
}

std::optional<uint32_t> AccountTables::gid_of(const std::string& group) const {
  const auto line = line_of(group_, group);
  return line && group_[*line].size() > 2 ? number(group_[*line][2]) : std::nullopt;
}

std::optional<uint32_t> AccountTables::free_number(uint32_t first, uint32_t last) const {
  for (uint32_t id = first; id <= last; ++id)
    if (!has_uid(id) && !has_gid(id)) return id;
  return std::nullopt;
}

void AccountTables::add_group(const std::string& name, uint32_t gid) {
  group_.push_back({name, has_gshadow_ ? "x" : "!", str(gid), ""});
  if (has_gshadow_) gshadow_.push_back({name, "!", "", ""});
}

void AccountTables::add_user(const User& user) {
  passwd_.push_back({user.name, has_shadow_ ? "x" : user.password, str(user.uid), str(user.gid), user.comment,
                     user.home, user.shell});
  if (has_shadow_) {
    // Without a day, the password does not age.
    const std::string day = user.since ? str(*user.since / 86400) : "";
    shadow_.push_back({user.name, user.password, day, "", "", "", "", "", ""});
  }
}

void AccountTables::set_user(const User& user) {
  auto& fields = passwd_[*line_of(passwd_, user.name)];
  fields = {user.name, has_shadow_ ? "x" : user.password, str(user.uid), str(user.gid), user.comment, user.home,
            user.shell};
  if (const auto secret = line_of(shadow_, user.name); secret && shadow_[*secret].size() > 1)
    shadow_[*secret][1] = user.password;
}

void AccountTables::add_member(const std::string& group, const std::string& user) {
  const auto add = [&](Table& table, size_t field) {
    const auto line = line_of(table, group);
    if (!line || table[*line].size() <= field) return;
    std::string& members = table[*line][field];
    const auto there = split(members, ',');
    if (std::find(there.begin(), there.end(), user) == there.end()) members += (members.empty() ? "" : ",") + user;
  };
  add(group_, 3);
  if (has_gshadow_) add(gshadow_, 3);
}

}  // namespace granary
