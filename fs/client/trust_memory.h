// TrustMemory: the highest versions seen of every repository, one small file for each, outside the cache: emptying a
// cache must not make old heads welcome again. Safe from many threads and processes at once.
#pragma once

#include <string>

#include "fs/format/trust.h"

namespace granary {

class TrustMemory {
 public:
  // Where the memory is unless told otherwise: /var/lib/granary/seen for root, else
  // ${XDG_STATE_HOME:-~/.local/state}/granary/seen.
  static std::string default_directory();

  // The directory is made when something is first remembered.
  explicit TrustMemory(std::string directory) : directory_(std::move(directory)) {}

  // What is known of a repository; a fresh Seen when that is nothing.
  //   kCorrupt  the file is damaged: somebody must look at it, it is never silently forgotten
  Result<Seen> load(const std::string& repository) const;

  // Adds `seen` to what the file says by now (another process may have written it meanwhile); durable on return.
  //   kEquivocation  it saw something else under the same number
  Status remember(const std::string& repository, const Seen& seen) const;

  std::string path_of(const std::string& repository) const { return directory_ + "/" + repository + ".json"; }

 private:
  const std::string directory_;
};

}  // namespace granary
