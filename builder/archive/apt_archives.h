// AptArchives: packages from apt repositories, over HTTP or from files, found among the host's own apt sources. What
// was fetched is kept by digest in a folder and never fetched twice; InRelease alone is asked for anew each time.
#pragma once

#include <memory>

#include "builder/archive/apt_sources.h"
#include "builder/archive/downloads.h"

namespace granary {

class AptArchives : public PackageSource {
 public:
  // `cache`: the folder for cooks; downloads go to cache/downloads. It is made when something is fetched.
  AptArchives(AptSources sources, const std::string& cache, const DownloadOptions& options = {})
      : sources_(std::move(sources)), downloads_(cache + "/downloads", options) {}

  Result<Bytes> inrelease(const RecipeArchive& archive) override;
  Result<Bytes> keyring(const RecipeArchive& archive) override;
  Result<Bytes> index(const RecipeArchive& archive, const LockedIndex& index) override;
  Result<std::vector<std::string>> packages(const Lock& lock, std::span<const uint32_t> numbers,
                                            const std::function<void(const FetchProgress&)>& on_progress) override;

 private:
  const AptSources sources_;
  Downloads downloads_;
};

// The folder for cooks on this machine: /var/cache/granary/cook as root, else in $XDG_CACHE_HOME or ~/.cache.
std::string default_cook_cache();

// The archive that a release of a lock came from, as the lock's recipe says it.
RecipeArchive archive_of(const Lock& lock, const LockedRelease& release);

}  // namespace granary
