// RFC 8106, section 5: an option is a type, a length in units of eight bytes, two bytes reserved, a lifetime of four
// bytes, and then addresses of 16 bytes, or domains as DNS writes them, padded with zeros. rtnetlink(7),
// RTM_NEWNDUSEROPT.
#include "initramfs/network/advertised_names.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>

#include "fs/base/file.h"
#include "initramfs/network/ip_address.h"
#include "initramfs/network/names.h"
#include "initramfs/network/route_socket.h"

namespace granary {

namespace {
constexpr uint8_t kServers = 25, kDomains = 31;
constexpr size_t kHeaderBytes = 8, kMostOfAKind = 16;

void add_new(std::vector<std::string>& all, const std::string& one) {
  if (all.size() < kMostOfAKind && std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
}

void add_servers(ByteView rest, RouterNames& names) {
  for (; rest.size() >= 16; rest.remove_prefix(16)) {
    IpAddress address;
    address.family = AF_INET6;
    std::memcpy(address.bytes.data(), rest.data(), 16);
    // A link-local one would need its link's name, which not every resolver takes.
    if (address.is_of_a_host() && !address.is_link_local()) add_new(names.dns, address.text());
  }
}

void add_domains(ByteView rest, RouterNames& names) {
  std::string domain;
  while (!rest.empty()) {
    const size_t size = static_cast<uint8_t>(rest.front());
    if (size == 0 && is_dns_name(domain)) add_new(names.search, domain);
    if (size == 0) domain.clear();
    if (size + 1 > rest.size()) return;
    if (size > 0) domain += (domain.empty() ? "" : ".") + std::string(rest.substr(1, size));
    rest.remove_prefix(size + 1);
  }
}
}  // namespace

void add_router_names(ByteView options, RouterNames& names) {
  while (options.size() >= kHeaderBytes) {
    const auto kind = static_cast<uint8_t>(options[0]);
    const size_t size = 8 * static_cast<size_t>(static_cast<uint8_t>(options[1]));
    if (size == 0 || size > options.size()) return;
    const ByteView content = options.substr(kHeaderBytes, size - kHeaderBytes);
    const bool lives = options.substr(4, 4) != ByteView("\0\0\0\0", 4);
    if (kind == kServers && lives) add_servers(content, names);
    if (kind == kDomains && lives) add_domains(content, names);
    options.remove_prefix(size);
  }
}

Result<AdvertisedNames> AdvertisedNames::listen() { return AdvertisedNames(TRY(listen_to_kernel(RTNLGRP_ND_USEROPT))); }

void AdvertisedNames::read() {
  char buffer[8192];
  for (;;) {
    const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (size <= 0) return;
    ByteView message(buffer, static_cast<size_t>(size));
    constexpr size_t kFront = NLMSG_HDRLEN + sizeof(nduseroptmsg);
    nlmsghdr header;
    nduseroptmsg about;
    if (message.size() < kFront) continue;
    std::memcpy(&header, message.data(), sizeof header);
    std::memcpy(&about, message.data() + NLMSG_HDRLEN, sizeof about);
    if (header.nlmsg_type != RTM_NEWNDUSEROPT || about.nduseropt_family != AF_INET6) continue;
    add_router_names(message.substr(kFront, about.nduseropt_opts_len), names_);
  }
}

}  // namespace granary
