#include "builder/tree/seed_accounts.h"

#include "builder/tree/account_tables.h"

namespace granary {

Status seed_accounts(TreeRoot& tree, std::span<const LockedAccount> accounts, const std::set<std::string>& packages,
                     UnixSeconds source_date_epoch) {
  AccountTables tables = TRY(AccountTables::read(tree));
  for (const LockedAccount& account : accounts) {
    if (!packages.contains(account.package)) continue;
    if (account.is_group) {
      if (!tables.has_group(account.name) && !tables.has_gid(account.id)) tables.add_group(account.name, account.id);
      continue;
    }
    if (tables.has_user(account.name) || tables.has_uid(account.id) || !tables.has_gid(account.gid)) continue;
    AccountTables::User user;
    user.name = account.name;
    user.uid = account.id;
    user.gid = account.gid;
    user.comment = account.comment;
    user.home = account.home;
    user.shell = account.shell;
    user.since = source_date_epoch;
    tables.add_user(user);
  }
  return tables.write(tree);
}

}  // namespace granary
