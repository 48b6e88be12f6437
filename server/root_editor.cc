#include "server/root_editor.h"

#include <algorithm>

namespace granary {

namespace {
Error no_such_key(RoleName role, const KeyId& id) {
  return {Code::kNotFound, str("role ", name_of(role), " has no key ", id.brief())};
}

bool is_used(const Root& root, const KeyId& id) {
  return std::any_of(std::begin(kAllRoles), std::end(kAllRoles),
                     [&](RoleName role) { return root.role(role).find(id) != nullptr; });
}

Status remove_from_role(Root& root, RoleName name, const KeyId& id) {
  Role& role = root.role(name);
  if (role.keys.size() <= role.threshold)
    return Error{Code::kInvalid,
                 str("cannot revoke key ", id.brief(), ": role ", name_of(name), " would keep ", role.keys.size() - 1,
                     " keys with a threshold of ", role.threshold, "; add another key first, or rotate this one")};
  std::erase_if(role.keys, [&](const RoleKey& key) { return key.id == id; });
  return Done{};
}
}  // namespace

Root next_root(const Root& current, UnixSeconds now) {
  Root next = current;
  ++next.version;
  next.time = std::max(now, current.time);
  return next;
}

Status add_key(Root& root, RoleName role, const PublicKey& key, const KeyLimits& limits) {
  if (role != RoleName::kRelease && (limits.branches || limits.paths))
    return Error{Code::kInvalid, "only release keys can be limited to branches or paths"};
  if (root.role(role).find(key.id()) != nullptr)
    return Error{Code::kConflict, str("role ", name_of(role), " has key ", key.id().brief(), " already")};
  root.keys.emplace(key.id(), key);
  root.role(role).keys.push_back({key.id(), limits.branches, limits.paths});
  return Done{};
}

Status revoke_key(Root& root, const KeyId& id, std::optional<RoleName> role) {
  if (role && root.role(*role).find(id) == nullptr) return no_such_key(*role, id);
  if (!is_used(root, id)) return Error{Code::kNotFound, str("no role has a key ", id.brief())};
  for (const RoleName name : kAllRoles) {
    if (role && name != *role) continue;
    if (root.role(name).find(id) != nullptr) TRY(remove_from_role(root, name, id));
  }
  if (!is_used(root, id)) root.keys.erase(id);
  return Done{};
}

Status rotate_key(Root& root, RoleName role, const KeyId& old_id, const PublicKey& key) {
  const RoleKey* old = root.role(role).find(old_id);
  if (old == nullptr) return no_such_key(role, old_id);
  const KeyLimits limits{old->branches, old->paths};
  TRY(add_key(root, role, key, limits));
  return revoke_key(root, old_id, role);
}

Status set_threshold(Root& root, RoleName role, uint64_t threshold) {
  const size_t count = root.role(role).keys.size();
  if (threshold < 1 || threshold > count)
    return Error{Code::kInvalid,
                 str("role ", name_of(role), " has ", count, " keys; its threshold cannot be ", threshold)};
  root.role(role).threshold = threshold;
  return Done{};
}

Result<Envelope> propose_root(const Root& current, UnixSeconds now, const std::function<Status(Root&)>& edit) {
  Root next = next_root(current, now);
  TRY(edit(next));
  Envelope proposal = Envelope::around(Root::kKind, next.serialise());
  TRY(Root::parse(proposal.payload));
  return proposal;
}

Result<std::set<KeyId>> sign_proposal(const Root& current, Envelope& proposal, const Signers& signers) {
  const Root proposed = TRY(Root::parse(proposal.payload));
  std::set<KeyId> signed_with;
  for (const auto& signer : signers) {
    const KeyId& id = signer->public_key().id();
    if (current.root.find(id) == nullptr && proposed.root.find(id) == nullptr) continue;
    TRY(proposal.sign(*signer));
    signed_with.insert(id);
  }
  return signed_with;
}

Result<KeyId> find_key(const Root& root, std::string_view prefix) {
  if (prefix.size() < 4) return Error{Code::kInvalid, "give at least the first 4 digits of the key's id"};
  std::optional<KeyId> found;
  for (const auto& [id, key] : root.keys) {
    if (!id.hex().starts_with(prefix)) continue;
    if (found) return Error{Code::kInvalid, str("several keys start with ", prefix, "; give more digits")};
    found = id;
  }
  if (!found) return Error{Code::kNotFound, str("root ", root.version, " has no key ", printable(prefix))};
  return *found;
}

Result<MissingSignatures> missing_signatures(const Root& current, const Envelope& proposal) {
  const Root proposed = TRY_WITHIN("cannot read the proposal", Root::parse(proposal.payload));
  if (proposal.kind() != Root::kKind || proposed.repository != current.repository ||
      proposed.version != current.version + 1)
    return Error{Code::kInvalid, str("the proposal is root ", proposed.version, " of repository ", proposed.repository,
                                     "; what can follow is root ", current.version + 1, " of ", current.repository)};
  const auto missing = [&](const Root& root) {
    const size_t have = valid_signers(proposal, root.keys_of(RoleName::kRoot)).size();
    return root.root.threshold > have ? root.root.threshold - have : 0;
  };
  return MissingSignatures{missing(current), missing(proposed)};
}

}  // namespace granary
