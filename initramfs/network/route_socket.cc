// rtnetlink(7), netlink(7): a request is a header, a body fixed by its kind, and attributes padded to four bytes; the
// answer to a question is a run of messages that ends with NLMSG_DONE, that to an order one NLMSG_ERROR, 0 for done.
#include "initramfs/network/route_socket.h"

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr size_t kAnswerBytes = 64 << 10;

template <class Body>
Bytes request(uint16_t kind, uint16_t flags, const Body& body) {
  nlmsghdr header{};
  header.nlmsg_type = kind;
  header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  Bytes out(reinterpret_cast<const char*>(&header), sizeof header);
  out.append(reinterpret_cast<const char*>(&body), sizeof body);
  return out;
}

void add_attribute(Bytes& out, uint16_t kind, ByteView value) {
  out.resize(NLMSG_ALIGN(out.size()));
  const rtattr attribute{static_cast<uint16_t>(RTA_LENGTH(value.size())), kind};
  out.append(reinterpret_cast<const char*>(&attribute), sizeof attribute).append(value);
}

void add_attribute(Bytes& out, uint16_t kind, uint32_t value) {
  add_attribute(out, kind, ByteView(reinterpret_cast<const char*>(&value), sizeof value));
}

// The attributes in `rest`, one by one.
template <class Take>
void each_attribute(ByteView rest, const Take& take) {
  while (rest.size() >= sizeof(rtattr)) {
    rtattr attribute;
    std::memcpy(&attribute, rest.data(), sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > rest.size()) return;
    take(attribute.rta_type & NLA_TYPE_MASK, rest.substr(sizeof attribute, attribute.rta_len - sizeof attribute));
    rest.remove_prefix(std::min<size_t>(RTA_ALIGN(attribute.rta_len), rest.size()));
  }
}

std::string text_of(ByteView value) { return std::string(value.substr(0, value.find('\0'))); }

std::string mac_of(ByteView value) {
  const std::string digits = to_hex(value);
  std::string mac;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) mac += (i == 0 ? "" : ":") + digits.substr(i, 2);
  return mac;
}

std::optional<IpAddress> address_of(int family, ByteView value) {
  IpAddress address;
  address.family = family;
  if ((family != AF_INET && family != AF_INET6) || value.size() != address.size_bytes()) return std::nullopt;
  std::memcpy(address.bytes.data(), value.data(), value.size());
  return address;
}

uint32_t number_of(ByteView value) {
  uint32_t number = 0;
  if (value.size() == sizeof number) std::memcpy(&number, value.data(), sizeof number);
  return number;
}

template <class Body>
std::optional<Body> body_of(ByteView& message) {
  if (message.size() < NLMSG_ALIGN(sizeof(Body))) return std::nullopt;
  Body body;
  std::memcpy(&body, message.data(), sizeof body);
  message.remove_prefix(NLMSG_ALIGN(sizeof(Body)));
  return body;
}

std::optional<LinkState> link_of(ByteView message) {
  const auto body = body_of<ifinfomsg>(message);
  if (!body) return std::nullopt;
  LinkState link;
  link.index = body->ifi_index;
  link.ethernet = body->ifi_type == ARPHRD_ETHER;
  link.loopback = (body->ifi_flags & IFF_LOOPBACK) != 0;
  link.up = (body->ifi_flags & IFF_UP) != 0;
  each_attribute(message, [&](int kind, ByteView value) {
    if (kind == IFLA_IFNAME) link.device = text_of(value);
    if (kind == IFLA_ADDRESS) link.mac = mac_of(value);
    if (kind == IFLA_CARRIER) link.carrier = !value.empty() && value[0] != 0;
    if (kind == IFLA_MASTER) link.enslaved = true;
    if (kind != IFLA_LINKINFO) return;
    each_attribute(value, [&](int inner, ByteView name) {
      if (inner == IFLA_INFO_KIND) link.kind = text_of(name);
    });
  });
  return link;
}

std::optional<HeldAddress> held_address_of(ByteView message) {
  const auto body = body_of<ifaddrmsg>(message);
  if (!body) return std::nullopt;
  std::optional<IpAddress> address, local;
  each_attribute(message, [&](int kind, ByteView value) {
    if (kind == IFA_ADDRESS) address = address_of(body->ifa_family, value);
    if (kind == IFA_LOCAL) local = address_of(body->ifa_family, value);
  });
  if (!local) local = address;
  if (!local) return std::nullopt;
  return HeldAddress{
      static_cast<int>(body->ifa_index), {*local, body->ifa_prefixlen}, (body->ifa_flags & IFA_F_TENTATIVE) != 0};
}

std::optional<RouteEntry> route_of(ByteView message) {
  const auto body = body_of<rtmsg>(message);
  if (!body || body->rtm_table != RT_TABLE_MAIN || body->rtm_type != RTN_UNICAST) return std::nullopt;
  if (body->rtm_family != AF_INET && body->rtm_family != AF_INET6) return std::nullopt;
  RouteEntry route;
  route.to.address.family = body->rtm_family;
  route.to.length = body->rtm_dst_len;
  each_attribute(message, [&](int kind, ByteView value) {
    if (kind == RTA_DST) route.to.address = address_of(body->rtm_family, value).value_or(route.to.address);
    if (kind == RTA_GATEWAY) route.by = address_of(body->rtm_family, value);
    if (kind == RTA_OIF) route.index = static_cast<int>(number_of(value));
    if (kind == RTA_PRIORITY) route.metric = number_of(value);
  });
  return route;
}

Bytes address_request(uint16_t kind, uint16_t flags, int index, const IpPrefix& prefix) {
  ifaddrmsg body{};
  body.ifa_family = static_cast<uint8_t>(prefix.address.family);
  body.ifa_prefixlen = static_cast<uint8_t>(prefix.length);
  body.ifa_index = static_cast<uint32_t>(index);
  Bytes out = request(kind, flags, body);
  add_attribute(out, IFA_LOCAL, prefix.address.wire());
  add_attribute(out, IFA_ADDRESS, prefix.address.wire());
  if (!prefix.address.is_v4() || prefix.length >= 31) return out;
  IpAddress broadcast = prefix.address;
  for (unsigned bit = prefix.length; bit < 32; ++bit)
    broadcast.bytes[bit / 8] |= static_cast<uint8_t>(0x80u >> (bit % 8));
  add_attribute(out, IFA_BROADCAST, broadcast.wire());
  return out;
}

Bytes route_request(uint16_t kind, uint16_t flags, const RouteEntry& route) {
  rtmsg body{};
  body.rtm_family = static_cast<uint8_t>(route.to.address.family);
  body.rtm_dst_len = static_cast<uint8_t>(route.to.length);
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = RTPROT_BOOT;
  body.rtm_scope = route.by || body.rtm_family == AF_INET6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  body.rtm_type = RTN_UNICAST;
  if (route.on_link && route.by) body.rtm_flags = RTNH_F_ONLINK;
  Bytes out = request(kind, flags, body);
  if (route.to.length > 0) add_attribute(out, RTA_DST, route.to.network().address.wire());
  if (route.by) add_attribute(out, RTA_GATEWAY, route.by->wire());
  add_attribute(out, RTA_OIF, static_cast<uint32_t>(route.index));
  if (route.metric != 0) add_attribute(out, RTA_PRIORITY, route.metric);
  return out;
}

std::string described(const RouteEntry& route) {
  return "route to " + route.to.text() + (route.by ? " by " + route.by->text() : "");
}
}  // namespace

Result<UniqueFd> listen_to_kernel(int group) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl here{};  // bound, or nothing is heard
  here.nl_family = AF_NETLINK;
  if (!fd.valid() || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0 ||
      ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
    return system_error(errno, "cannot listen to the kernel");
  return fd;
}

Result<RouteSocket> RouteSocket::open() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd.valid()) return system_error(errno, "cannot speak to the kernel about links");
  return RouteSocket(std::move(fd));
}

template <class Take>
Result<int> RouteSocket::ask(Bytes request, const std::string& what, const Take& take) {
  nlmsghdr header;
  std::memcpy(&header, request.data(), sizeof header);
  header.nlmsg_len = static_cast<uint32_t>(request.size());
  header.nlmsg_seq = ++sequence_;
  std::memcpy(request.data(), &header, sizeof header);
  if (::send(fd_.get(), request.data(), request.size(), 0) < 0) return system_error(errno, what);
  Bytes answer(kAnswerBytes, '\0');
  for (;;) {
    const ssize_t size = ::recv(fd_.get(), answer.data(), answer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return system_error(errno, what);
    ByteView rest(answer.data(), static_cast<size_t>(size));
    while (rest.size() >= sizeof header) {
      std::memcpy(&header, rest.data(), sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest.size()) break;
      ByteView message = rest.substr(sizeof header, header.nlmsg_len - sizeof header);
      rest.remove_prefix(std::min<size_t>(NLMSG_ALIGN(header.nlmsg_len), rest.size()));
      if (header.nlmsg_seq != sequence_) continue;
      if (header.nlmsg_type == NLMSG_DONE) return 0;
      if (header.nlmsg_type != NLMSG_ERROR) {
        take(message);
        continue;
      }
      return -body_of<int32_t>(message).value_or(0);
    }
  }
}

// An order; the refusal `harmless` says that there was nothing to be done.
Status RouteSocket::tell(Bytes request, const std::string& what, int harmless) {
  const int refusal = TRY(ask(std::move(request), what, [](ByteView) {}));
  if (refusal == 0 || refusal == harmless) return Done{};
  return system_error(refusal, what);
}

// A question: hands each part of the answer to `take`.
template <class Take>
Status RouteSocket::list(Bytes request, const std::string& what, const Take& take) {
  const int refusal = TRY(ask(std::move(request), what, take));
  if (refusal == 0) return Done{};
  return system_error(refusal, what);
}

Result<std::vector<LinkState>> RouteSocket::links() {
  std::vector<LinkState> links;
  TRY(list(request(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{}), "cannot list the links", [&](ByteView message) {
    if (auto link = link_of(message)) links.push_back(std::move(*link));
  }));
  return links;
}

Result<std::vector<HeldAddress>> RouteSocket::addresses() {
  std::vector<HeldAddress> addresses;
  TRY(list(request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{}), "cannot list the addresses", [&](ByteView message) {
    if (const auto address = held_address_of(message)) addresses.push_back(*address);
  }));
  return addresses;
}

Result<std::vector<RouteEntry>> RouteSocket::default_routes() {
  std::vector<RouteEntry> routes;
  TRY(list(request(RTM_GETROUTE, NLM_F_DUMP, rtmsg{}), "cannot list the routes", [&](ByteView message) {
    const auto route = route_of(message);
    if (route && route->to.length == 0) routes.push_back(*route);
  }));
  return routes;
}

Status RouteSocket::set_up(int index) {
  ifinfomsg body{};
  body.ifi_index = index;
  body.ifi_flags = body.ifi_change = IFF_UP;
  return tell(request(RTM_NEWLINK, NLM_F_ACK, body), "cannot bring the link up", 0);
}

Status RouteSocket::set_mtu(int index, uint32_t mtu) {
  ifinfomsg body{};
  body.ifi_index = index;
  Bytes out = request(RTM_NEWLINK, NLM_F_ACK, body);
  add_attribute(out, IFLA_MTU, mtu);
  return tell(std::move(out), "cannot set the MTU to " + std::to_string(mtu), 0);
}

Status RouteSocket::add_address(int index, const IpPrefix& prefix) {
  return tell(address_request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, index, prefix),
              "cannot add the address " + prefix.text(), EEXIST);
}

Status RouteSocket::remove_address(int index, const IpPrefix& prefix) {
  return tell(address_request(RTM_DELADDR, NLM_F_ACK, index, prefix), "cannot remove the address " + prefix.text(),
              EADDRNOTAVAIL);
}

Status RouteSocket::add_route(const RouteEntry& route) {
  return tell(route_request(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, route),
              "cannot add the " + described(route), EEXIST);
}

Status RouteSocket::remove_route(const RouteEntry& route) {
  return tell(route_request(RTM_DELROUTE, NLM_F_ACK, route), "cannot remove the " + described(route), ESRCH);
}

}  // namespace granary
