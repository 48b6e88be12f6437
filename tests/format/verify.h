// Reads a repository as a client and a deep check together would, for tests of the format.
#pragma once

#include <filesystem>

#include "fs/base/file.h"
#include "fs/base/time.h"
#include "fs/format/catalog.h"
#include "fs/format/snapshot.h"
#include "fs/format/trust.h"
#include "fs/store/dir_store.h"

namespace granary {

inline Status read_contents(Catalog& catalog, ObjectReader& objects) {
  std::vector<Slice> slices;
  TRY(catalog.scan([&](Entry&& entry) {
    slices.insert(slices.end(), entry.slices.begin(), entry.slices.end());
    return true;
  }));
  for (const Slice& slice : slices) {
    if (!slice.is_hole()) TRY(objects.read(slice.object));
  }
  return Done{};
}

// All that can be verified of a branch, or else tag, of PLACE/repo by PLACE/trust.json: its tree digest.
inline Result<Digest> verify_everything(const std::filesystem::path& place, const std::string& name,
                                        TrustPolicy::Freshness freshness) {
  const TrustFile trust = TRY(TrustFile::load(place / "trust.json"));
  const Bytes bundle = TRY(read_file(place / "repo/head.json", kMaxHeadBytes));
  Seen seen;
  const VerifiedHead head = TRY(verify_head(bundle, trust, {freshness, Clock::system().now()}, seen));

  DirStore store(place / "repo");
  StoreReader objects(store);
  const SharedBytes names = TRY(objects.read(head.record().names));
  const bool is_branch = head.record().branches.contains(name);
  const VerifiedRelease release =
      TRY(is_branch ? head.resolve_branch(name, seen) : head.resolve_tag(*names, name, seen));
  const SharedBytes document = TRY(objects.read(release.snapshot));
  const Snapshot snapshot = TRY(Snapshot::parse(*document));
  if (snapshot.repository != trust.repository || snapshot.tree != release.tree || snapshot.catalog != release.catalog) {
    return Error{Code::kMixAndMatch, "snapshot and statement differ"};
  }
  const auto catalog = TRY(Catalog::open(release.catalog, objects));
  std::string faults;
  const Digest tree = TRY(check_catalog(
      *catalog, objects, [&](const Bytes& path, const std::string& what) { faults += path + ": " + what + "\n"; }));
  if (tree != release.tree) faults += "tree digest\n";
  if (!faults.empty()) return Error{Code::kCorrupt, faults};
  for (const PathConstraint& constraint : release.constraints) {
    const auto base = TRY(Catalog::open(constraint.base_catalog, objects));
    if (!TRY(changed_only_below(*base, *catalog, constraint.allowed)))
      return Error{Code::kUntrusted, "changed elsewhere"};
  }
  TRY(read_contents(*catalog, objects));
  return tree;
}

}  // namespace granary
