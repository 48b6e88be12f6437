#include "fs/format/root.h"

#include <algorithm>

#include "fs/format/identifiers.h"
#include "fs/format/paths.h"

namespace granary {

const char* name_of(RoleName role) {
  switch (role) {
    case RoleName::kRoot: return "root";
    case RoleName::kRelease: return "release";
    case RoleName::kTimestamp: return "timestamp";
  }
  return "?";
}

Result<RoleName> parse_role_name(std::string_view name) {
  for (const RoleName role : kAllRoles) {
    if (name == name_of(role)) return role;
  }
  return Error{Code::kInvalid,
               str("no such role: \"", printable(name.substr(0, 80)), "\"; roles are root, release, timestamp")};
}

bool RoleKey::may_sign_branch(std::string_view branch) const {
  return !branches || std::find(branches->begin(), branches->end(), branch) != branches->end();
}

const RoleKey* Role::find(const KeyId& id) const {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const RoleKey& key) { return key.id == id; });
  return found == keys.end() ? nullptr : &*found;
}

std::vector<Bytes> Role::allowed_paths(const std::set<KeyId>& signers, std::string_view branch) const {
  static const std::vector<Bytes> kEverywhere{""};
  std::vector<std::vector<Bytes>> limits;  // of each signer
  for (const RoleKey& key : keys) {
    if (signers.contains(key.id) && key.may_sign_branch(branch)) limits.push_back(key.paths.value_or(kEverywhere));
  }
  const auto covered_by = [](const std::vector<Bytes>& tops, const Bytes& path) {
    return std::any_of(tops.begin(), tops.end(), [&](const Bytes& top) { return path_covers(top, path); });
  };
  std::set<Bytes> allowed;
  for (const std::vector<Bytes>& tops : limits) {
    for (const Bytes& path : tops) {
      const auto signed_for = std::count_if(limits.begin(), limits.end(),
                                            [&](const std::vector<Bytes>& others) { return covered_by(others, path); });
      if (static_cast<uint64_t>(signed_for) >= threshold) allowed.insert(path);
    }
  }
  if (allowed.contains("")) return kEverywhere;
  return {allowed.begin(), allowed.end()};
}

namespace {
Result<KeyMap> parse_keys(const JsonReader& in) {
  KeyMap keys;
  for (const auto& [name, value] : *TRY(in.object("keys"))) {
    const JsonReader key = TRY(JsonReader::of(value, "root: key " + printable(name.substr(0, 80))));
    const Result<PublicKey> made = PublicKey::make(TRY(key.text("algorithm")), TRY(key.base64("public")));
    if (!made) return key.wrong("public", "is not a key: " + made.error().message);
    if (made->id().hex() != name) return key.wrong("public", str("belongs under the id ", made->id()));
    keys.emplace(made->id(), *made);
  }
  return keys;
}

Result<RoleKey> parse_role_key(const JsonValue& json, RoleName role, const std::string& what) {
  const JsonReader in = TRY(JsonReader::of(json, what));
  RoleKey key;
  key.id = TRY(in.digest("id"));
  if (role != RoleName::kRelease && (in.has("branches") || in.has("paths")))
    return in.wrong(in.has("paths") ? "paths" : "branches", "limits a key that is not a release key");
  if (in.has("branches")) {
    key.branches = TRY(in.texts("branches"));
    for (const std::string& branch : *key.branches) {
      if (!is_ref_name(branch)) return in.wrong("branches", "holds something that is not a branch name");
    }
  }
  if (in.has("paths")) {
    key.paths.emplace();
    for (const std::string& path : TRY(in.texts("paths"))) {
      const Result<Bytes> relative = parse_absolute_path(path);
      if (!relative) return in.wrong("paths", "holds something that is not an absolute path in shortest form");
      key.paths->push_back(*relative);
    }
  }
  return key;
}

Result<Role> parse_role(const JsonReader& roles, RoleName name, const KeyMap& keys) {
  const std::string what = str("root: role ", name_of(name));
  const JsonReader in = TRY(roles.reader(name_of(name), what));
  Role role;
  role.threshold = TRY(in.integer("threshold"));
  for (const JsonValue& item : *TRY(in.array("keys"))) {
    RoleKey key = TRY(parse_role_key(item, name, what + ": key"));
    if (!keys.contains(key.id))
      return in.wrong("keys", str("names key ", key.id.brief(), ", which the root does not hold"));
    if (role.find(key.id) != nullptr) return in.wrong("keys", str("names key ", key.id.brief(), " twice"));
    role.keys.push_back(std::move(key));
  }
  if (role.threshold < 1 || role.threshold > role.keys.size())
    return in.wrong("threshold", str("is ", role.threshold, ", of ", role.keys.size(), " keys"));
  return role;
}

JsonValue to_json(const Role& role) {
  JsonValue::Array keys;
  for (const RoleKey& key : role.keys) {
    JsonValue::Object out{{"id", key.id.hex()}};
    if (key.branches) out["branches"] = JsonValue::Array(key.branches->begin(), key.branches->end());
    if (key.paths) {
      JsonValue::Array paths;
      for (const Bytes& path : *key.paths) paths.emplace_back("/" + path);
      out["paths"] = std::move(paths);
    }
    keys.emplace_back(std::move(out));
  }
  return JsonValue::Object{{"threshold", role.threshold}, {"keys", std::move(keys)}};
}
}  // namespace

Result<Root> Root::parse(ByteView payload) {
  const JsonValue json =
      TRY(parse_document(payload, kMaxDocumentBytes, kKind,
                         {"repository", "name", "version", "time", "keys", "roles", "minimum_revision"}));
  const JsonReader in = TRY(JsonReader::of(json, "root"));
  Root root;
  root.repository = TRY(in.text("repository"));
  if (!is_repository_uuid(root.repository)) return in.wrong("repository", "is not a UUID");
  root.name = TRY(in.text("name"));
  if (!is_repository_name(root.name)) return in.wrong("name", "is not a repository name");
  root.version = TRY(in.integer("version"));
  if (root.version == 0) return in.wrong("version", "is 0");
  root.time = TRY(in.time("time"));
  root.keys = TRY(parse_keys(in));
  const JsonReader roles = TRY(in.reader("roles", "root: roles"));
  for (const RoleName name : kAllRoles) root.role(name) = TRY(parse_role(roles, name, root.keys));
  root.minimum_revision = TRY(in.integer_or("minimum_revision", 0));
  return root;
}

Bytes Root::serialise() const {
  JsonValue::Object key_list;
  for (const auto& [id, key] : keys)
    key_list[id.hex()] = JsonValue::Object{{"algorithm", key.algorithm()}, {"public", to_base64(key.raw())}};
  JsonValue::Object roles;
  for (const RoleName which : kAllRoles) roles[name_of(which)] = to_json(role(which));
  JsonValue::Object out = new_document(kKind);
  out["repository"] = repository;
  out["name"] = name;
  out["version"] = version;
  out["time"] = format_utc(time);
  out["keys"] = std::move(key_list);
  out["roles"] = std::move(roles);
  out["minimum_revision"] = minimum_revision;
  return JsonValue(std::move(out)).canonical();
}

const Role& Root::role(RoleName which) const {
  switch (which) {
    case RoleName::kRoot: return root;
    case RoleName::kRelease: return release;
    case RoleName::kTimestamp: return timestamp;
  }
  return root;
}

KeyMap Root::keys_of(RoleName which) const {
  KeyMap out;
  for (const RoleKey& key : role(which).keys) {
    if (const auto found = keys.find(key.id); found != keys.end()) out.insert(*found);
  }
  return out;
}

Digest Root::fingerprint(RoleName which) const {
  Bytes ids;
  for (const auto& [id, key] : keys_of(which)) ids += id.raw();
  return Digest::of(ids);
}

Result<std::set<KeyId>> Root::verify(const Envelope& envelope, std::string_view kind, RoleName which) const {
  return granary::verify(envelope, kind, keys_of(which), role(which).threshold);
}

Result<Root> verify_successor(const Root& current, const Envelope& next) {
  const std::string what = str("root ", current.version + 1);
  TRY_WITHIN(what + ", by the keys of its predecessor", current.verify(next, Root::kKind, RoleName::kRoot));
  Root root = TRY_WITHIN(what, Root::parse(next.payload));
  if (root.repository != current.repository)
    return Error{Code::kWrongRepository,
                 str(what, " is for repository ", root.repository, ", not ", current.repository)};
  if (root.version != current.version + 1)
    return Error{Code::kUntrusted, str("root ", root.version, " stands where root ", current.version + 1, " should")};
  TRY_WITHIN(what + ", by its own keys", root.verify(next, Root::kKind, RoleName::kRoot));
  return root;
}

Result<Root> verify_self_signed(const Envelope& envelope) {
  Root root = TRY(Root::parse(envelope.payload));
  TRY_WITHIN("root", root.verify(envelope, Root::kKind, RoleName::kRoot));
  return root;
}

}  // namespace granary
