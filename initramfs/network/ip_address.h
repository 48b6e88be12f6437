// IpAddress, IpPrefix: addresses of either family, read strictly. What was read can be written to a configuration file
// or handed to the kernel as it is: nothing else got through.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "fs/base/bytes.h"

namespace granary {

struct IpAddress {
  int family = 0;                      // AF_INET or AF_INET6
  std::array<uint8_t, 16> bytes = {};  // as on the wire; the first four of AF_INET

  static std::optional<IpAddress> parse(std::string_view text);  // no zone, no brackets
  size_t size_bytes() const;
  unsigned bits() const { return static_cast<unsigned>(8 * size_bytes()); }
  ByteView wire() const { return {reinterpret_cast<const char*>(bytes.data()), size_bytes()}; }
  std::string text() const;

  bool is_v4() const;
  bool is_unspecified() const;  // 0.0.0.0, ::
  bool is_link_local() const;
  // One machine could have it, or be reached by it: not unspecified, loopback, multicast, broadcast.
  bool is_of_a_host() const;
  bool operator==(const IpAddress&) const = default;
};

struct IpPrefix {
  IpAddress address;
  unsigned length = 0;  // in bits

  // "192.0.2.7/24", "2001:db8::/32"; without a length, that of a single address.
  static std::optional<IpPrefix> parse(std::string_view text);
  // The network of `address`: host bits cleared.
  IpPrefix network() const;
  bool contains(const IpAddress& other) const;
  std::string text() const;
  bool operator==(const IpPrefix&) const = default;
};

// "255.255.255.0" or "24" as 24; nothing for masks with holes.
std::optional<unsigned> parse_netmask(std::string_view text);

}  // namespace granary
