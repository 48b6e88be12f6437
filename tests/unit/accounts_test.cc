#include "builder/recipe/accounts.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace granary {
namespace {

const std::vector<std::string> kSome = {"openssh-server", "udev", "systemd", "openssh-client", "bash", "tcpdump"};

TEST(Accounts, OnlyOfThePackagesThatAreThere) {
  std::set<std::string> names;
  for (const LockedAccount& account : accounts_for(kSome)) names.insert(account.name);
  EXPECT_EQ(names, (std::set<std::string>{"_ssh", "input", "kvm", "render", "sgx", "sshd", "systemd-journal",
                                          "systemd-network", "tcpdump"}));
}

TEST(Accounts, DoNotDependOnTheOrderOfPackages) {
  EXPECT_EQ(accounts_for(kSome), accounts_for(std::vector<std::string>(kSome.rbegin(), kSome.rend())));
}

TEST(Accounts, AUsersGroupStandsThereBeforeItAndNumbersAreNeverShared) {
  const auto accounts = accounts_for(kSome);
  std::map<uint32_t, std::string> groups = {{65534, "nogroup"}}, users;
  for (const LockedAccount& account : accounts) {
    EXPECT_GE(account.id, 200u);
    EXPECT_LT(account.id, 400u);
    EXPECT_TRUE((account.is_group ? groups : users).emplace(account.id, account.name).second) << account.name;
    if (!account.is_group) {
      EXPECT_TRUE(groups.contains(account.gid)) << account.name;
      EXPECT_FALSE(account.home.empty() || account.shell.empty()) << account.name;
    }
  }
}

}  // namespace
}  // namespace granary
