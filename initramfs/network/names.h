// Names that foreign bytes may bring: of hosts, domains, links. What does not look like one is not taken.
#pragma once

#include <string_view>

namespace granary {

// RFC 1123: labels of letters, digits, "-" and (as the world has them) "_", joined by dots; at most 253 characters.
bool is_dns_name(std::string_view name);
// As the kernel has them: 1 to 15 characters; here letters, digits, ".", "-", "_" alone.
bool is_link_name(std::string_view name);
// Lower case, with colons: "52:54:00:12:34:56".
bool is_mac(std::string_view text);

}  // namespace granary
