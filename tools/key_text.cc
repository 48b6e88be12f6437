#include "tools/key_text.h"

namespace granary {

namespace {
std::string joined(const std::vector<std::string>& words, const std::string& prefix) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + prefix + printable(word);
  return out.empty() ? "nothing" : out;
}

std::string limits_of(const RoleKey& key) {
  std::string out;
  if (key.branches) out += "  branches " + joined(*key.branches, "");
  if (key.paths) out += "  paths " + joined(*key.paths, "/");
  return out;
}
}  // namespace

std::string describe_root(const Root& root) {
  std::string out =
      str("root ", root.version, " of ", root.name, " (", root.repository, "), made ", format_utc(root.time), "\n");
  for (const RoleName role : kAllRoles) {
    const Role& keys = root.role(role);
    out += str("  ", name_of(role), ": ", keys.threshold, " of ", keys.keys.size(), " must sign\n");
    for (const RoleKey& key : keys.keys)
      out += str("    ", key.id, "  ", root.keys.at(key.id).algorithm(), limits_of(key), "\n");
  }
  return out;
}

}  // namespace granary
