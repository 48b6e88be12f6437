// A lease, as udhcpc hands it over: NAME=VALUE, each ended by a NUL. Also its note.
#include "initramfs/network/lease.h"

#include "fuzz/fuzz.h"
#include "initramfs/network/names.h"
#include "initramfs/network/network_notes.h"

namespace granary {

namespace {
void check(const Lease& lease) {
  promise(is_link_name(lease.device), "a lease is for a link");
  const std::string text = resolver_text({lease.dns, lease.search, {}});
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    promise(end != std::string::npos, "every line ends");
    const std::string line = text.substr(begin, end - begin);
    promise(line.starts_with("nameserver ") || line.starts_with("search "), "resolv.conf has our lines alone");
    begin = end + 1;
  }
  const auto again = parse_lease_note(serialise(lease));
  promise(again && *again == lease, "its note reads back as the same");
}
}  // namespace

void try_input(ByteView input) {
  if (const auto note = parse_lease_note(input)) check(*note);
  std::map<std::string, std::string> environment;
  while (!input.empty()) {
    const ByteView entry = input.substr(0, input.find('\0'));
    input.remove_prefix(std::min(input.size(), entry.size() + 1));
    const size_t equals = entry.find('=');
    if (equals != ByteView::npos) environment[std::string(entry.substr(0, equals))] = entry.substr(equals + 1);
  }
  if (const auto lease = parse_lease(environment)) check(*lease);
}

}  // namespace granary
