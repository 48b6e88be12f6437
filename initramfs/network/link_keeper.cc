#include "initramfs/network/link_keeper.h"

#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "fs/base/file.h"
#include "initramfs/console.h"
#include "initramfs/lasting_root.h"
#include "initramfs/network/advertised_names.h"
#include "initramfs/network/dhcp_client.h"
#include "initramfs/network/kept_links.h"
#include "initramfs/network/link_configuration.h"
#include "initramfs/network/network_notes.h"
#include "initramfs/paths.h"

namespace granary {

namespace {
constexpr size_t kMostPlanBytes = 1 << 20;

// What the kernel has to tell is looked up: that it has told something is all that is read.
void drain(int fd) {
  char ignored[8192];
  while (::recv(fd, ignored, sizeof ignored, 0) > 0 || errno == ENOBUFS) errno = 0;
}

bool add_new(std::vector<std::string>& all, const std::vector<std::string>& more) {
  const size_t before = all.size();
  for (const std::string& one : more)
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  return all.size() != before;
}

class LinkKeeper {
 public:
  LinkKeeper(KeptLinks kept, RouteSocket kernel, AdvertisedNames advertised)
      : kept_(std::move(kept)), kernel_(std::move(kernel)), advertised_(std::move(advertised)) {}

  void keep(int changes) {
    for (;;) {
      const Status looked = look();
      if (!looked) say_on_console("network: " + looked.error().message);
      heed_routers();
      pollfd heard[]{{changes, POLLIN, 0}, {advertised_.fd(), POLLIN, 0}};
      (void)::poll(heard, 2, -1);
      drain(changes);
      while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      }
    }
  }

 private:
  Status look() {
    const auto links = TRY(kernel_.links());
    const auto addresses = TRY(kernel_.addresses());
    for (KeptLink& kept : kept_.links) {
      const auto now =
          std::find_if(links.begin(), links.end(), [&](const LinkState& link) { return link.index == kept.index; });
      if (now == links.end()) continue;
      const bool is_taken = std::any_of(addresses.begin(), addresses.end(), [&](const HeldAddress& held) {
        return held.index == kept.index && held.prefix.address.is_v4();
      });
      const LinkNeed need = attend_to_link(kept, *now, is_taken);
      if (need == LinkNeed::kBegin) begin(kept, now->device);
      if (need == LinkNeed::kRenew) DhcpClient::renew("", kept.device);
    }
    return Done{};
  }

  void begin(KeptLink& link, const std::string& device) {
    link.device = device;
    std::vector<std::string> problems;
    const LinkConfiguration wanted = configuration_of(link.plan, link.index, problems);
    for (const std::string& line : apply(kernel_, wanted, {})) problems.push_back(line);
    if (link.plan.dhcp) ask(device, DhcpClient::Version::kDhcp, problems);
    if (link.plan.dhcp6) ask(device, DhcpClient::Version::kDhcp6, problems);
    say_on_console("network: " + device + " has a carrier now" + (link.plan.dhcp ? ": asked by DHCP" : ""));
    for (const std::string& line : problems) say_on_console("network: " + device + ": " + line);
  }

  void ask(const std::string& device, DhcpClient::Version version, std::vector<std::string>& problems) {
    const auto started = DhcpClient::start("", device, version, kept_.hostname);
    if (!started) problems.push_back(started.error().message);
  }

  void heed_routers() {
    advertised_.read();
    NetworkNotes notes("");
    Resolvers said = notes.said();
    const bool servers = add_new(said.dns, advertised_.names().dns);
    const bool domains = add_new(said.search, advertised_.names().search);
    if ((servers || domains) && notes.say(said)) (void)notes.write_resolver();
  }

  KeptLinks kept_;
  RouteSocket kernel_;
  AdvertisedNames advertised_;
};

Status keep() {
  KeptLinks kept = TRY(parse_kept_links(TRY(read_file(NetworkNotes("").plan_file(), kMostPlanBytes))));
  // Before the first look: what changes after it is heard.
  const UniqueFd changes = TRY(listen_to_kernel(RTNLGRP_LINK));
  LinkKeeper(std::move(kept), TRY(RouteSocket::open()), TRY(AdvertisedNames::listen())).keep(changes.get());
  return Done{};
}
}  // namespace

Status start_link_keeper() {
  if (!exists(NetworkNotes(paths::kLasting).plan_file())) return Done{};
  const pid_t child = ::fork();
  if (child < 0) return system_error(errno, "cannot start the keeper of the links");
  if (child > 0) return Done{};
  ::setsid();
  _exit(enter_root({paths::kLasting, "/bin/granary-init", "keep-links"}));
}

int keep_links(const std::vector<std::string>&) {
  const Status kept = keep();
  if (!kept) say_on_console("FAILED network: nobody looks after links from now on: " + kept.error().message);
  return 1;
}

}  // namespace granary
