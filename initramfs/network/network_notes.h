// NetworkNotes: what is known of the network, in a folder of the lasting root: a note of the lease a link, written by
// the DHCP client's script, and what was said by settings and plan. The list of name servers is made of them all,
// whoever wrote last. `root` is kLasting, or empty for who runs with that as its root directory.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "initramfs/network/lease.h"

namespace granary {

struct Resolvers {
  std::vector<std::string> dns, search, ntp;
};

class NetworkNotes {
 public:
  explicit NetworkNotes(const std::string& root) : root_(root) {}

  Status prepare();  // makes the folders, forgets earlier leases
  Status say(const Resolvers& said);
  Resolvers said() const;
  Status note(const Lease& lease);
  Status forget(const std::string& device);
  std::optional<Lease> lease_of(const std::string& device) const;

  // Those that were said, then those of the leases in order of their links; each once.
  Resolvers resolvers() const;
  // Writes resolv.conf in place: whoever holds it open sees the change.
  Status write_resolver() const;

  std::string log_of(const std::string& device) const { return folder() + "/" + device + ".log"; }
  // Where its DHCP client notes the number of its process.
  std::string client_of(const std::string& device, bool six) const {
    return folder() + "/" + device + (six ? ".pid6" : ".pid");
  }
  // What is to be done about links later (kept_links.h).
  std::string plan_file() const { return folder() + "/plan"; }

 private:
  std::string folder() const { return root_ + "/leases"; }

  std::string root_;
};

// The text of resolv.conf: at most eight servers (the C library asks the first three), at most 16 domains.
std::string resolver_text(const Resolvers& resolvers);

// Replaces what the file holds, keeping the file; makes it (mode 0644) if it is missing.
Status write_in_place(const std::string& path, ByteView bytes);

}  // namespace granary
