// PackageSource: where signed indices and packages come from. The seam for other kinds of archives.
// Sources: AptArchives (the host's apt sources, over HTTP), Evidence (what --archive kept in a repository).
// What they hand back is foreign: whoever needs trust verifies signatures and digests. Safe from one thread.
#pragma once

#include <functional>
#include <span>

#include "builder/recipe/lock.h"

namespace granary {

struct FetchProgress {
  uint64_t files = 0, files_total = 0;
  uint64_t bytes = 0, bytes_total = 0;
};

class PackageSource {
 public:
  virtual ~PackageSource() = default;

  // The InRelease file of one suite of an archive, as it is.
  //   kNotFound     the archive has no such suite, or no such archive is known here: the message names those that are
  //   kUnavailable  could not be reached
  virtual Result<Bytes> inrelease(const RecipeArchive& archive) = 0;

  // The keys that may sign for this archive: a binary OpenPGP keyring.
  virtual Result<Bytes> keyring(const RecipeArchive& archive) = 0;

  // An index file, as stored (compressed), whose digest was compared.
  //   kNotFound  the archive has it no more;  kCorrupt  it has other bytes under that name
  virtual Result<Bytes> index(const RecipeArchive& archive, const LockedIndex& index) = 0;

  // Paths of the .deb files of lock.packages[number], in the order asked for; size and SHA-256 were compared. They stay
  // as long as the source.
  //   kNotFound  the archive has one no more: the message names it, and what the remedy is
  virtual Result<std::vector<std::string>> packages(const Lock& lock, std::span<const uint32_t> numbers,
                                                    const std::function<void(const FetchProgress&)>& on_progress) = 0;
};

}  // namespace granary
