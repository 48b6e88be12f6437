// A map of users: what is accepted can be written in numbers and means the same. Then the same bytes as an ACL.
#include "fs/fuse/identity_map.h"

#include "fuzz/fuzz.h"

namespace granary {

namespace {
std::optional<IdentityNumber> resolve(const std::string& name) {
  if (name == "nobody") return 65534;
  return std::nullopt;
}
}  // namespace

void try_input(ByteView input) {
  Identities identities;
  identities.users = *IdentityMap::parse("1 2;3 2;*:9", resolve);
  const Bytes mapped = identities.acl(input);
  promise(mapped.size() <= input.size(), "an ACL does not grow");

  const auto first = IdentityMap::parse(input, resolve);
  if (!first) return;
  const auto second = IdentityMap::parse(first->text(), resolve);
  promise(bool(second), "what was written can be read");
  promise(*second == *first, "and means the same");
  for (const IdentityNumber number : {0U, 1U, 1000U, 65534U, 4294967294U})
    promise((*first)(number) == (*second)(number), "for everybody");
}

}  // namespace granary
