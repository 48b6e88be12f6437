// KeptLinks: what the start leaves to be done about links, as a note for the keeper that goes on with it
// (link_keeper.h).
#pragma once

#include <string>
#include <vector>

#include "fs/base/bytes.h"
#include "initramfs/network/network.h"
#include "initramfs/network/route_socket.h"

namespace granary {

struct KeptLink {
  int index = 0;          // by which it is known: the OS may give it another name
  std::string device;     // as it was called at the start
  bool attended = false;  // has been given what was planned
  bool carrier = false;
  LinkPlan plan;
};

struct KeptLinks {
  std::string hostname;  // told to DHCP servers
  std::vector<KeptLink> links;
};

Bytes serialise(const KeptLinks& kept);
Result<KeptLinks> parse_kept_links(ByteView note);  // kCorrupt: not what serialise made

// What a link needs, now that it is as `now`; and notes that it has it.
//   kBegin    it has a carrier for the first time: what was planned
//   kRenew    its carrier has come back: it may be connected to something else, and its lease be void
//   kNothing  no carrier, nothing new, or the OS has given it an address (`is_taken`) and looks after it
enum class LinkNeed { kNothing, kBegin, kRenew };
LinkNeed attend_to_link(KeptLink& link, const LinkState& now, bool is_taken);

}  // namespace granary
