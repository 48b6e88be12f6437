// Workplace: where one layer is made: a directory below CACHE/work, locked while its cook lives. Those of dead cooks
// are swept by the next one; that of the last failure is kept, so that a shell can be opened in it. In it: `upper`,
// what the layer adds (of the lowest layer: the whole tree); `lower`, `work` and `tree`, the overlay; `log`, what
// programs printed. One thread.
#pragma once

#include <optional>
#include <string>

#include "fs/base/directory_lock.h"
#include "fs/base/time.h"
#include "fs/format/statement.h"

namespace granary {

// What has to be known to enter the tree of a failed layer again.
struct KeptFailure {
  std::string directory;
  std::string repository;           // its directory
  std::string layer;                // its name
  std::optional<SnapshotId> lower;  // the layer below
  std::string message;              // what went wrong
};

class Workplace {
 public:
  // `cache`: the folder of cooks, made if it is missing. Dead workplaces are swept first.
  //   kPermission, kNoSpace  it cannot be made
  static Result<Workplace> make(const std::string& cache);
  Workplace(Workplace&& other) noexcept
      : directory_(std::exchange(other.directory_, {})), lock_(std::move(other.lock_)) {}
  Workplace& operator=(Workplace&&) = delete;
  // Takes all of it away, unless it was kept.
  ~Workplace();

  const std::string& directory() const { return directory_; }
  std::string upper() const { return directory_ + "/upper"; }
  std::string tree() const { return directory_ + "/tree"; }
  std::string log() const { return directory_ + "/log"; }

  // Keeps it as the last failure; what was kept before goes.
  Status keep(const KeptFailure& failure);
  // The last failure. kNotFound when there is none.
  static Result<KeptFailure> last_failure(const std::string& cache);

 private:
  Workplace(std::string directory, DirectoryLock lock) : directory_(std::move(directory)), lock_(std::move(lock)) {}

  std::string directory_;
  DirectoryLock lock_;
};

}  // namespace granary
