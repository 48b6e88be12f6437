// IdentityMap: who stands on this machine for the users (or groups) that a snapshot's entries belong to.
//   1000 2000          user 1000 of the snapshot is 2000 here
//   3000-3999 10000    3000 is 10000, 3001 is 10001, and so on
//   * nobody           everybody else; without such a line they stay who they are
// Pairs stand on lines of their own, or are separated by ";" or ","; between the two stands a blank or ":". Names are
// those of this machine. Lines that begin with "#" are comments. A value type.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "fs/base/bytes.h"

namespace granary {

using IdentityNumber = uint32_t;
// The number of a name; nothing when there is none of that name.
using ResolveName = std::function<std::optional<IdentityNumber>(const std::string& name)>;
std::optional<IdentityNumber> find_user(const std::string& name);
std::optional<IdentityNumber> find_group(const std::string& name);

class IdentityMap {
 public:
  static constexpr size_t kMaxPairs = 10'000;
  static constexpr size_t kMaxTextBytes = size_t{1} << 20;

  // kInvalid: what is wrong, with the pair. Ranges that overlap are.
  static Result<IdentityMap> parse(ByteView text, const ResolveName& resolve);
  // In numbers alone, as parse takes it, on one line.
  std::string text() const;

  IdentityNumber operator()(IdentityNumber from) const;
  bool empty() const { return ranges_.empty() && !otherwise_; }
  bool operator==(const IdentityMap&) const = default;

 private:
  struct Range {
    IdentityNumber last;
    IdentityNumber to;  // of the first
    bool operator==(const Range&) const = default;
  };
  Status add(std::string_view pair, const ResolveName& resolve);

  std::map<IdentityNumber, Range> ranges_;  // by the first; apart from each other
  std::optional<IdentityNumber> otherwise_;
};

// Everything that a mount says differently about who owns what. A value type.
struct Identities {
  IdentityMap users;
  IdentityMap groups;
  std::optional<IdentityNumber> owner;  // of everything, whatever `users` says
  std::optional<IdentityNumber> group;

  struct Owner {
    IdentityNumber user;
    IdentityNumber group;
    uint32_t mode;  // without setuid, or setgid of a file, where user or group became somebody else: as chown(2) does
  };
  Owner owner_of(IdentityNumber user, IdentityNumber group, uint32_t mode, bool is_directory) const;
  // The value of an ACL's xattr with its named users and groups mapped (`owner` and `group` are not theirs); of two who
  // became one, what both may. Anything else comes back as it is.
  Bytes acl(ByteView value) const;
  bool empty() const { return users.empty() && groups.empty() && !owner && !group; }
};

// "UID[:GID]", numbers or names of this machine. kInvalid for anything else.
struct OwnerPair {
  IdentityNumber user;
  std::optional<IdentityNumber> group;
  static Result<OwnerPair> parse(const std::string& text, const ResolveName& user, const ResolveName& group);
  std::string text() const;
};

}  // namespace granary
