// cook: from a lock to a snapshot of a repository; the top of the builder. `cook` reads as its table of contents.
// The same lock gives the same tree digest, whatever was cached, and on whatever machine.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "builder/archive/package_source.h"
#include "builder/cook/layer_cook.h"
#include "server/repository.h"

namespace granary {

struct CookProgress {
  std::string stage;   // "fetching", "layer core: configuring", "testing", "publishing"
  std::string detail;  // a package, a test
  uint64_t done = 0, total = 0;
  bool is_bytes = false;  // what done and total count
};

struct CookOptions {
  std::string branch = "main";
  std::string tag;            // none when empty
  std::string cache;          // the folder of cooks: downloads, unpacked packages, work
  std::string mount_program;  // granary-mount
  InstallMode mode = InstallMode::kFast;
  bool explain = false;   // say why for layers that were reused, too
  bool run_tests = true;  // the recipe's
  bool evidence = true;   // keep what it was cooked from beside it
  bool archive = false;   // with everything that cooking again needs: packages, indices, keyrings
  Bytes recipe_text;      // as the person wrote it; kept with the evidence
  std::function<void(const CookProgress&)> on_progress = [](const CookProgress&) {};
};

struct CookedLayer {
  std::string name;
  LayerKey key;
  bool reused = false;
  std::vector<std::string> why;  // why it was made anew, each in words; or why it was reused
  double seconds = 0;
};

struct Cooked {
  SnapshotId snapshot;
  Digest tree;
  Digest lock;
  std::string branch;
  bool changed = false;   // false: the branch was like that already, and nothing was committed to it
  bool archived = false;  // all that cooking again needs lies beside it
  std::vector<CookedLayer> layers;
  std::vector<std::pair<std::string, double>> stages;  // seconds, in order
};

// `source`: asked only for what is not cached; may be left out when everything is.
//   kInvalid       a script or a test failed: the message ends with what it said
//   kPermission    not root, and not everything is cached
//   kNotFound, kUnavailable, kCorrupt, kUntrusted  as PackageSource
//   kNoSpace       the disk is full; nothing is left behind
Result<Cooked> cook(Repository& repository, const Lock& lock, PackageSource* source, const CookOptions& options);

// What cook() would answer when all of it is there already: the branch, and the tag, are that tree. Reads the head and
// one note at most; needs no root, and a repository that may only be read.
std::optional<Cooked> find_cooked(const Repository& repository, const RepositoryState& state, const Lock& lock,
                                  const CookOptions& options);

}  // namespace granary
