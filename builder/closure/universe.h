// Universe: every version of every package that the indices of some archives hold, for one architecture. Views into
// the indices' texts, which it borrows. Numbers of packages follow names, then versions, newest first: they do not
// depend on the order in which indices hold them. Read-only once made; safe from many threads.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "builder/debian/relation.h"

namespace granary {

using PackageId = uint32_t;

// One version of a package.
struct PackageVersion {
  std::string_view name, version, architecture;
  std::string_view priority, section, task, provides;
  std::string_view stanza;  // as the index has it
  uint32_t index = 0;       // number of its index
  uint32_t newer = 0;       // how many newer versions of its name there are
  bool essential = false;
  bool allows_any_architecture = false;  // Multi-Arch: allowed
};

// What a package that is taken asks of others.
struct Relations {
  std::vector<Alternatives> depends;  // Pre-Depends first
  size_t pre_depends = 0;             // so many of them
  std::vector<Alternatives> recommends;
  std::vector<Relation> conflicts;  // Conflicts, then
  std::vector<Relation> breaks;
};

class Universe {
 public:
  // One text for each index, numbered from 0; `architecture` is that of the tree. Of the same version in several
  // indices, the one in the first counts.
  //   kCorrupt  a stanza lacks what it must have, or its relations are none: the message names the package
  static Result<Universe> read(std::span<const std::string_view> indices, const std::string& architecture);

  size_t size() const { return packages_.size(); }
  const PackageVersion& at(PackageId id) const { return packages_[id]; }

  // All versions of a package, newest first.
  std::span<const PackageVersion> versions_of(std::string_view name) const;
  PackageId id_of(const PackageVersion& package) const { return static_cast<PackageId>(&package - packages_.data()); }

  // Those that satisfy a relation: versions of the package itself, newest first, then what provides it, by number.
  std::vector<PackageId> matching(const Relation& relation) const;
  // Those of any alternative, in order, each once.
  std::vector<PackageId> matching(const Alternatives& alternatives) const;
  bool is_provided(std::string_view name) const { return providers_.contains(name); }

  //   kCorrupt  its fields are no relations
  Result<Relations> relations_of(PackageId id) const;

  std::vector<std::string> names() const;  // sorted

 private:
  struct Provider {
    PackageId package;
    std::string_view version;  // empty: without one
  };

  bool fits(const PackageVersion& package, std::string_view architecture) const;

  std::string architecture_;
  std::vector<PackageVersion> packages_;
  std::unordered_map<std::string_view, std::pair<PackageId, PackageId>> by_name_;  // first, and one past the last
  std::unordered_map<std::string_view, std::vector<Provider>> providers_;
};

}  // namespace granary
