// Resolving: from a recipe and the archives' signed indices to a lock. The same recipe and the same indices give the
// same lock, byte for byte.
#pragma once

#include <functional>

#include "builder/archive/signed_suite.h"
#include "builder/closure/optimiser.h"

namespace granary {

// Seconds by the clock on the wall.
struct ResolveTimes {
  double fetch = 0;   // Release files and indices, signatures included
  double parse = 0;   // decompressing and reading the indices
  double reduce = 0;  // what the wishes reach, as clauses
  double solve = 0;
  double lock = 0;  // order, layers and the rest
};

// A lock, and everything it rests on, for who keeps evidence (--archive).
struct Resolved {
  Lock lock;
  std::vector<SignedSuite> releases;  // as lock.releases
  std::vector<Bytes> indices;         // as lock.indices: the files as they are stored
  std::vector<std::string> notes;     // for people: what was left out, and why that is no error
  ResolveTimes times;
  size_t known_packages = 0;                                                // all versions in all indices
  size_t variables = 0, clauses = 0, open_variables = 0, open_clauses = 0;  // see Closure
};

struct ResolveOptions {
  std::string cache;  // the folder for cooks: plain texts of indices are kept below it; empty: nowhere
  UnixSeconds now = 0;
  std::function<void(const std::string&)> on_step = [](const std::string&) {};  // "fetching bookworm-updates"
};

//   those of PackageSource, fetch_release and shopping_list, and
//   kInvalid  no set of packages will do: the message explains why, and which wishes to drop
Result<Resolved> resolve(const Recipe& recipe, PackageSource& source, Optimiser& optimiser,
                         const ResolveOptions& options);

// Whether a lock names only what signed indices name: its InRelease files, found in `source`, are signed and were valid
// at the lock's date, they name its indices, and these name every package with path, size and digest.
//   kUntrusted  something in the lock is named by no signature: the message says what
//   else as above
Status verify_lock(const Lock& lock, PackageSource& source, const std::string& cache);

// Debian's name for the architecture of this machine: "amd64".
std::string host_architecture();

}  // namespace granary
