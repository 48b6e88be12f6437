// RouteSocket: the few words of rtnetlink(7) that bringing up a link needs; no `ip` program. One thread.
#pragma once

#include <string>
#include <vector>

#include "fs/base/unique_fd.h"
#include "initramfs/network/ip_address.h"

namespace granary {

struct LinkState {
  int index = 0;
  std::string device, mac;  // "eth0"; lower case with colons
  std::string kind;         // of virtual ones: "bridge", "veth"; empty: a card, real or emulated
  bool ethernet = false, loopback = false;
  bool up = false, carrier = false;
  bool enslaved = false;  // belongs to another link, such as a cloud's accelerated twin of it
};

struct HeldAddress {
  int index = 0;  // of the link
  IpPrefix prefix;
  bool tentative = false;  // IPv6: somebody else may turn out to have it
};

struct RouteEntry {
  IpPrefix to;                  // 0.0.0.0/0, ::/0: whatever nothing else is for
  std::optional<IpAddress> by;  // nothing: straight on the link
  int index = 0;                // of the link
  uint32_t metric = 0;          // less is preferred
  bool on_link = false;         // the gateway is reachable although no address of ours says so
  bool operator==(const RouteEntry&) const = default;
};

// A socket that hears what the kernel tells a group of rtnetlink's (RTNLGRP_LINK …), without blocking.
Result<UniqueFd> listen_to_kernel(int group);

class RouteSocket {
 public:
  static Result<RouteSocket> open();

  Result<std::vector<LinkState>> links();
  Result<std::vector<HeldAddress>> addresses();
  Result<std::vector<RouteEntry>> default_routes();

  Status set_up(int index);
  Status set_mtu(int index, uint32_t mtu);
  // What is there already stays, and is success; what is not there to be removed, too.
  Status add_address(int index, const IpPrefix& prefix);
  Status remove_address(int index, const IpPrefix& prefix);
  Status add_route(const RouteEntry& route);
  Status remove_route(const RouteEntry& route);

 private:
  explicit RouteSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  // What the kernel refused with, an errno; 0: nothing. Each message of its answer goes to `take`.
  template <class Take>
  Result<int> ask(Bytes request, const std::string& what, const Take& take);
  template <class Take>
  Status list(Bytes request, const std::string& what, const Take& take);
  Status tell(Bytes request, const std::string& what, int harmless);

  UniqueFd fd_;
  uint32_t sequence_ = 0;
};

}  // namespace granary
