// AccountTables: passwd, group and their secret halves of a tree, changed in memory and written back in one go, without
// the tree's own programs: their result depends on the day. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "builder/tree/tree_root.h"
#include "fs/base/time.h"

namespace granary {

class AccountTables {
 public:
  struct User {
    std::string name;
    uint32_t uid = 0, gid = 0;
    std::string comment, home, shell;
    std::string password = "!";        // a hash as in shadow(5)
    std::optional<UnixSeconds> since;  // when the password was set; else never
  };

  // Of a tree without passwd: Debian's first accounts, as base-passwd's own files say.
  static Result<AccountTables> read(TreeRoot& tree);
  Status write(TreeRoot& tree) const;

  bool has_user(const std::string& name) const { return line_of(passwd_, name).has_value(); }
  bool has_group(const std::string& name) const { return line_of(group_, name).has_value(); }
  bool has_uid(uint32_t uid) const { return has_number(passwd_, uid); }
  bool has_gid(uint32_t gid) const { return has_number(group_, gid); }
  std::optional<User> user(const std::string& name) const;
  std::optional<uint32_t> gid_of(const std::string& group) const;
  // The first number from `first` to `last` that neither a user nor a group has.
  std::optional<uint32_t> free_number(uint32_t first, uint32_t last) const;

  void add_group(const std::string& name, uint32_t gid);
  void add_user(const User& user);
  // Of an account that is there.
  void set_user(const User& user);
  void add_member(const std::string& group, const std::string& user);

 private:
  using Table = std::vector<std::vector<std::string>>;  // lines of fields

  static Table parse(const Bytes& text);
  static Bytes text_of(const Table& table);
  static std::optional<size_t> line_of(const Table& table, const std::string& name);
  static bool has_number(const Table& table, uint32_t number);

  Table passwd_, group_, shadow_, gshadow_;
  bool has_shadow_ = false, has_gshadow_ = false;
};

}  // namespace granary
