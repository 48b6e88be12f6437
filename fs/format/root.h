// Root: who may sign what (docs/format.md, 7.2). Version n+1 is signed by the root role of n and by its own.
// Value types.
#pragma once

#include <optional>

#include "fs/format/envelope.h"

namespace granary {

enum class RoleName { kRoot, kRelease, kTimestamp };
inline constexpr RoleName kAllRoles[] = {RoleName::kRoot, RoleName::kRelease, RoleName::kTimestamp};
const char* name_of(RoleName role);
// "root", "release", "timestamp": kInvalid for anything else.
Result<RoleName> parse_role_name(std::string_view name);

struct RoleKey {
  KeyId id;
  // Release keys only; nothing: no limit.
  std::optional<std::vector<std::string>> branches;
  std::optional<std::vector<Bytes>> paths;  // relative to the root, no leading slash; "" is everything

  bool may_sign_branch(std::string_view branch) const;
  bool operator==(const RoleKey&) const = default;
};

struct Role {
  uint64_t threshold = 1;
  std::vector<RoleKey> keys;

  const RoleKey* find(const KeyId& id) const;
  // The paths below which these keys together may change a branch: at and below each, as many of them as the threshold
  // demands are allowed to. {""} means everywhere; empty, nowhere.
  std::vector<Bytes> allowed_paths(const std::set<KeyId>& signers, std::string_view branch) const;
  bool operator==(const Role&) const = default;
};

struct Root {
  static constexpr std::string_view kKind = "root";

  std::string repository;  // its UUID
  std::string name;
  uint64_t version = 1;
  UnixSeconds time = 0;
  KeyMap keys;
  Role root, release, timestamp;
  uint64_t minimum_revision = 0;

  // Every key a role names is among the keys, no role names one twice, 1 <= threshold <= number of its keys.
  static Result<Root> parse(ByteView payload);
  Bytes serialise() const;

  const Role& role(RoleName which) const;
  Role& role(RoleName which) { return const_cast<Role&>(std::as_const(*this).role(which)); }
  KeyMap keys_of(RoleName which) const;
  // Equal for equal sets of keys: a client forgets what a role told it when this changes.
  Digest fingerprint(RoleName which) const;

  // Whether `envelope` carries a document of `kind` signed by that role: the signers.
  //   kUntrusted  too few valid signatures
  Result<std::set<KeyId>> verify(const Envelope& envelope, std::string_view kind, RoleName which) const;

  bool operator==(const Root&) const = default;
};

// The root in `next`, which must follow `current`: signed by both root roles, one version on, of the same repository.
//   kUntrusted        signatures missing, or not the next version
//   kWrongRepository  another repository's
Result<Root> verify_successor(const Root& current, const Envelope& next);

// The root in `envelope`, signed by its own root role: all that can be said of the first one known.
Result<Root> verify_self_signed(const Envelope& envelope);

}  // namespace granary
