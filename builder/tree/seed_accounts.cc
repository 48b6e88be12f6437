#include "builder/tree/seed_accounts.h"

#include <sys/stat.h>

#include <algorithm>

namespace granary {

namespace {
constexpr const char* kMasters = "usr/share/base-passwd/";

bool has_name(const std::string& table, const std::string& name) {
  return ("\n" + table).find("\n" + name + ":") != std::string::npos;
}

bool has_number(const std::string& table, uint32_t number) {
  const std::string wanted = str(":", number, ":");
  for (size_t begin = 0; begin < table.size();) {
    const size_t end = std::min(table.find('\n', begin), table.size());
    const std::string line = table.substr(begin, end - begin);
    const size_t second = line.find(':', line.find(':') + 1);
    if (second != std::string::npos && line.compare(second, wanted.size(), wanted) == 0) return true;
    begin = end + 1;
  }
  return false;
}

// passwd, group, and their secret halves once there are any (then a password says "x: see there").
struct Tables {
  Bytes passwd, group, shadow, gshadow;
  bool has_secrets = false;
};

Result<Tables> read_tables(TreeRoot& tree) {
  if (!tree.has("etc/passwd")) TRY(tree.write("etc/passwd", TRY(tree.read_if_there(str(kMasters, "passwd.master")))));
  if (!tree.has("etc/group")) TRY(tree.write("etc/group", TRY(tree.read_if_there(str(kMasters, "group.master")))));
  Tables tables;
  tables.passwd = TRY(tree.read("etc/passwd"));
  tables.group = TRY(tree.read("etc/group"));
  tables.has_secrets = tree.has("etc/shadow");
  tables.shadow = TRY(tree.read_if_there("etc/shadow"));
  tables.gshadow = TRY(tree.read_if_there("etc/gshadow"));
  return tables;
}

void add_group(Tables& tables, const LockedAccount& account) {
  if (has_name(tables.group, account.name) || has_number(tables.group, account.id)) return;
  tables.group += str(account.name, ":", tables.has_secrets ? "x" : "!", ":", account.id, ":\n");
  if (tables.has_secrets) tables.gshadow += account.name + ":!::\n";
}

void add_user(Tables& tables, const LockedAccount& account, UnixSeconds source_date_epoch) {
  if (has_name(tables.passwd, account.name) || has_number(tables.passwd, account.id)) return;
  if (!has_number(tables.group, account.gid)) return;
  tables.passwd += str(account.name, ":", tables.has_secrets ? "x" : "!", ":", account.id, ":", account.gid, ":",
                       account.comment, ":", account.home, ":", account.shell, "\n");
  if (tables.has_secrets) tables.shadow += str(account.name, ":!:", source_date_epoch / 86400, "::::::\n");
}

// Keeps owner and mode.
Status replace(TreeRoot& tree, const std::string& path, const Bytes& content) {
  const auto there = TRY(tree.look(path));
  if (!there) return tree.write(path, content);
  return tree.write(path, content, there->st_mode & 07777, there->st_uid, there->st_gid);
}
}  // namespace

Status seed_accounts(TreeRoot& tree, std::span<const LockedAccount> accounts, const std::set<std::string>& packages,
                     UnixSeconds source_date_epoch) {
  Tables tables = TRY(read_tables(tree));
  const Tables before = tables;
  for (const LockedAccount& account : accounts) {
    if (!packages.contains(account.package)) continue;
    if (account.is_group)
      add_group(tables, account);
    else
      add_user(tables, account, source_date_epoch);
  }
  if (tables.group != before.group) TRY(replace(tree, "etc/group", tables.group));
  if (tables.passwd != before.passwd) TRY(replace(tree, "etc/passwd", tables.passwd));
  if (tables.gshadow != before.gshadow) TRY(replace(tree, "etc/gshadow", tables.gshadow));
  if (tables.shadow != before.shadow) TRY(replace(tree, "etc/shadow", tables.shadow));
  return Done{};
}

}  // namespace granary
