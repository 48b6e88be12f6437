// AdvertisedNames: the name servers and domains that IPv6 routers advertise (RFC 8106). The kernel takes addresses and
// routes from advertisements by itself, and hands these on to whoever listens; we listen while the network comes up,
// and later (link_keeper.h).
#pragma once

#include <string>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/base/unique_fd.h"

namespace granary {

struct RouterNames {
  std::vector<std::string> dns, search;
};

// Adds what the options of one advertisement say: RDNSS (25) and DNSSL (31). Foreign; what is no address of a host or
// no domain is left out, and so is what has a lifetime of 0.
void add_router_names(ByteView options, RouterNames& names);

class AdvertisedNames {
 public:
  static Result<AdvertisedNames> listen();
  // What has come since.
  void read();
  const RouterNames& names() const { return names_; }
  int fd() const { return fd_.get(); }  // readable when there is something to read

 private:
  explicit AdvertisedNames(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  RouterNames names_;
};

}  // namespace granary
