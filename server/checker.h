// Checker: verifies everything that a repository directory's head reaches, goes on after each fault, and says which
// paths of which snapshots it touches. Only reads; needs no keys; works on mirrors, partial ones included.
// `check_repository` uses all cores; the rest is plain values.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fs/format/statement.h"
#include "fs/format/trust_file.h"

namespace granary {

struct CheckOptions {
  std::string directory;
  std::optional<TrustFile> trust;  // nothing: the repository's own, or whoever signed its first root
  bool deep = false;               // decode every object, hash every file, compare what limited keys may change
  unsigned jobs = 0;               // 0: as many as cores
};

// Called from time to time.
struct CheckProgress {
  const char* step = "";
  uint64_t done = 0, total = 0;  // total 0: not known
};

struct Fault {
  std::string thing;  // "object 3f2a…", "log/12.json", "catalog 77ab…"
  std::string what;   // "is missing"
  struct Place {
    SnapshotId snapshot;
    std::vector<std::string> names;  // what reaches that snapshot: "branch main", "tag v1"
    std::string path;                // "/usr/bin/python3", printable; empty: all of it
  };
  std::vector<Place> touched;  // at most kMaxTouched of them
  uint64_t touched_total = 0;
};
inline constexpr size_t kMaxTouched = 1000;

struct CheckReport {
  std::string repository, name;
  uint64_t revision = 0;
  bool deep = false;
  std::vector<Fault> faults;
  std::vector<std::string> notes;  // no faults, but worth knowing

  uint64_t records = 0, snapshots = 0, catalogs = 0, entries = 0;
  uint64_t objects = 0, object_bytes = 0;   // reachable, as stored
  uint64_t contents = 0;                    // distinct file contents hashed (deep)
  uint64_t orphans = 0, orphan_bytes = 0;   // reached by nothing: for garbage collection
  uint64_t quarantined = 0, leftovers = 0;  // objects in quarantine; temporary files and dead stagings
  bool sound() const { return faults.empty(); }
};

//   kNotARepository  nothing there that looks like one
//   otherwise        it could not look on; what is broken is in the report
Result<CheckReport> check_repository(const CheckOptions& options,
                                     const std::function<void(const CheckProgress&)>& on_progress = {});

}  // namespace granary
