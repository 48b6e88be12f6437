// SignedSuite: the Release file of one suite, fetched from a source and found good: signed, the suite that was
// asked for, and not out of date. A value type.
#pragma once

#include "builder/archive/package_source.h"
#include "builder/archive/release.h"

namespace granary {

// An index that a release names: as it is stored, and its plain text.
struct NamedIndex {
  LockedIndex stored;  // `release` is left to the caller
  ReleaseFile plain;
};

struct SignedSuite {
  RecipeArchive archive;  // its suite is not empty
  Bytes inrelease;        // as it came
  Bytes keyring;          // that it was checked against
  Release release;
  LockedRelease locked;

  // The Packages files for an architecture, of the components that the archive asks for (none: main), each in the best
  // compression that there is.
  //   kNotFound  the release lacks one: the message names those it has
  Result<std::vector<NamedIndex>> indices(const std::string& architecture) const;
};

// `as_of`: when Valid-Until and the keys' expiry are judged.
//   those of PackageSource::inrelease, and
//   kUntrusted, kMixAndMatch, kExpired, kCorrupt  each message names archive and suite
Result<SignedSuite> fetch_release(PackageSource& source, const RecipeArchive& archive, UnixSeconds as_of);

// What an InRelease file at hand says, checked in the same way; for evidence.
Result<SignedSuite> verify_release(const RecipeArchive& archive, Bytes inrelease, Bytes keyring, UnixSeconds as_of);

}  // namespace granary
