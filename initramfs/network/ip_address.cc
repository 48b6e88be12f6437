#include "initramfs/network/ip_address.h"

#include <arpa/inet.h>

#include <cstring>

namespace granary {

namespace {
// At most three decimal digits, as prefix lengths are written.
std::optional<unsigned> parse_length(std::string_view text) {
  if (text.empty() || text.size() > 3) return std::nullopt;
  unsigned value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = 10 * value + static_cast<unsigned>(digit - '0');
  }
  return value;
}
}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string terminated(text);
  IpAddress address;
  address.family = text.find(':') == std::string_view::npos ? AF_INET : AF_INET6;
  if (inet_pton(address.family, terminated.c_str(), address.bytes.data()) != 1) return std::nullopt;
  return address;
}

size_t IpAddress::size_bytes() const { return is_v4() ? 4 : 16; }

bool IpAddress::is_v4() const { return family == AF_INET; }

std::string IpAddress::text() const {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(family, bytes.data(), text, sizeof text);
  return text;
}

bool IpAddress::is_unspecified() const { return bytes == decltype(bytes){}; }

bool IpAddress::is_link_local() const {
  return is_v4() ? bytes[0] == 169 && bytes[1] == 254 : bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool IpAddress::is_of_a_host() const {
  if (is_unspecified()) return false;
  if (is_v4()) return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
  const IpAddress loopback = *parse("::1");
  return bytes[0] != 0xff && *this != loopback;
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return IpPrefix{*address, address->bits()};
  const auto length = parse_length(text.substr(slash + 1));
  if (!length || *length > address->bits()) return std::nullopt;
  return IpPrefix{*address, *length};
}

IpPrefix IpPrefix::network() const {
  IpPrefix network = *this;
  for (unsigned bit = length; bit < address.bits(); ++bit)
    network.address.bytes[bit / 8] &= static_cast<uint8_t>(~(0x80u >> (bit % 8)));
  return network;
}

bool IpPrefix::contains(const IpAddress& other) const {
  return other.family == address.family && IpPrefix{other, length}.network() == network();
}

std::string IpPrefix::text() const { return address.text() + "/" + std::to_string(length); }

std::optional<unsigned> parse_netmask(std::string_view text) {
  if (const auto length = parse_length(text)) return *length <= 32 ? length : std::nullopt;
  const auto mask = IpAddress::parse(text);
  if (!mask || !mask->is_v4()) return std::nullopt;
  uint32_t bits = 0;
  std::memcpy(&bits, mask->bytes.data(), sizeof bits);
  bits = ntohl(bits);
  const uint32_t holes = ~bits;
  if ((holes & (holes + 1)) != 0) return std::nullopt;
  return static_cast<unsigned>(__builtin_popcount(bits));
}

}  // namespace granary
