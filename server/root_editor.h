// Changes of the root: keys added, revoked and replaced. A change is a proposal, an envelope with root n+1 in it, which
// the keepers of root keys sign one after the other, where their keys are; it takes force when enough of them have.
// Pure functions on documents; server/head_writer.h puts them into a head.
#pragma once

#include "fs/format/root.h"
#include "server/keys.h"

namespace granary {

struct KeyLimits {
  std::optional<std::vector<std::string>> branches;
  std::optional<std::vector<Bytes>> paths;  // relative, as in RoleKey
};

// Root n+1, as a value to be changed further: the version one higher, the time `now`.
Root next_root(const Root& current, UnixSeconds now);

// kConflict when the role has that key already; kInvalid for limits on anything but a release key.
Status add_key(Root& root, RoleName role, const PublicKey& key, const KeyLimits& limits = {});
// kNotFound when no role has it; kInvalid when a role would be left with fewer keys than its threshold.
// Without a role, the key leaves every role.
Status revoke_key(Root& root, const KeyId& id, std::optional<RoleName> role = {});
// One for the other, limits and all.
Status rotate_key(Root& root, RoleName role, const KeyId& old_id, const PublicKey& key);
// kInvalid unless 1 <= threshold <= number of keys.
Status set_threshold(Root& root, RoleName role, uint64_t threshold);

// Root n+1 as `edit` makes it of `current`: a proposal, not signed yet.
Result<Envelope> propose_root(const Root& current, UnixSeconds now, const std::function<Status(Root&)>& edit);
// Adds the signatures of those among `signers` that may sign it: keys of the root role of `current` or of the proposal.
// Returns their ids.
Result<std::set<KeyId>> sign_proposal(const Root& current, Envelope& proposal, const Signers& signers);

// The one key whose id starts with `prefix` (at least 4 hexadecimal digits). kNotFound, kInvalid (several).
Result<KeyId> find_key(const Root& root, std::string_view prefix);

// What a proposal still needs before clients believe it.
struct MissingSignatures {
  uint64_t of_current = 0;   // signatures by keys of the current root role
  uint64_t of_proposed = 0;  // and of the proposed one
  bool none() const { return of_current == 0 && of_proposed == 0; }
};
// kInvalid when the proposal is not the successor of `current`.
Result<MissingSignatures> missing_signatures(const Root& current, const Envelope& proposal);

}  // namespace granary
