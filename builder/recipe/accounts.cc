#include "builder/recipe/accounts.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace granary {

namespace {
constexpr uint32_t kNoGroup = 65534;
constexpr const char* kNone = "/nonexistent";
constexpr const char* kNologin = "/usr/sbin/nologin";
constexpr const char* kFalse = "/bin/false";

// A group, or a user (with a home) and, unless `gid` names another, the group of its name and number.
struct Known {
  const char* package;
  const char* name;
  uint32_t id;
  const char* home = nullptr;
  const char* comment = "";
  const char* shell = kNologin;
  uint32_t gid = 0;  // 0: a group of its own
};

// As the packages of Debian 12 and 13 make them (adduser in their scripts, or sysusers.d). Only accounts whose scripts
// do nothing else when they find them: one whose home directory adduser makes along the way stays out.
constexpr Known kKnown[] = {
    {"cron-daemon-common", "crontab", 200},
    {"openssh-client", "_ssh", 201},
    {"systemd", "systemd-journal", 202},
    {"udev", "input", 203},
    {"udev", "kvm", 204},
    {"udev", "render", 205},
    {"udev", "sgx", 206},
    {"ifupdown", "netdev", 207},
    {"plocate", "plocate", 208},
    {"wireshark-common", "wireshark", 209},
    {"ssl-cert", "ssl-cert", 210},
    {"docker.io", "docker", 211},
    {"rdma-core", "rdma", 212},

    {"dbus-system-bus-common", "messagebus", 240, kNone, "System Message Bus"},
    {"systemd", "systemd-network", 241, "/", "systemd Network Management"},
    {"systemd-resolved", "systemd-resolve", 242, "/", "systemd Resolver"},
    {"systemd-timesyncd", "systemd-timesync", 243, "/", "systemd Time Synchronization"},
    {"polkitd", "polkitd", 244, kNone, "User for polkitd"},
    {"openssh-server", "sshd", 245, "/run/sshd", "", kNologin, kNoGroup},
    {"avahi-daemon", "avahi", 246, "/run/avahi-daemon", "Avahi mDNS daemon,,,"},
    {"uuid-runtime", "uuidd", 247, "/run/uuidd"},
    {"tcpdump", "tcpdump", 248, kNone},
    {"rpcbind", "_rpc", 249, "/run/rpcbind", "", kNologin, kNoGroup},
    {"dhcpcd-base", "dhcpcd", 250, "/usr/lib/dhcpcd", "DHCP Client Daemon", kFalse, kNoGroup},
    {"systemd-coredump", "systemd-coredump", 251, "/", "systemd Core Dumper"},
};
}  // namespace

std::vector<LockedAccount> accounts_for(std::span<const std::string> packages) {
  const std::set<std::string_view> wanted(packages.begin(), packages.end());
  std::vector<LockedAccount> accounts;
  for (const Known& known : kKnown) {
    if (!wanted.contains(known.package)) continue;
    LockedAccount account;
    account.name = known.name;
    account.id = known.id;
    account.package = known.package;
    if (known.home == nullptr || known.gid == 0) {
      account.is_group = true;
      accounts.push_back(account);
    }
    if (known.home == nullptr) continue;
    account.is_group = false;
    account.gid = known.gid != 0 ? known.gid : known.id;
    account.home = known.home;
    account.shell = known.shell;
    account.comment = known.comment;
    accounts.push_back(account);
  }
  std::stable_sort(accounts.begin(), accounts.end(), [](const LockedAccount& one, const LockedAccount& other) {
    return std::pair(!one.is_group, one.id) < std::pair(!other.is_group, other.id);
  });
  return accounts;
}

}  // namespace granary
