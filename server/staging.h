// Staging: the objects of one publish until it commits. What is put lies apart, in .granary/staging/TRANSACTION of the
// repository, and shines through for whoever reads here; `commit` moves it among the repository's objects in a way
// that survives a power cut (docs/format.md, 8). Dropping it uncommitted takes everything away again.
// A lock held by the process tells a living staging from one whose process died.
// Safe from many threads, but for `commit`, which comes last.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "fs/base/file.h"
#include "fs/base/mutex.h"
#include "fs/store/dir_store.h"

namespace granary {

class Staging : public ObjectStore {
 public:
  // `repository`: its top directory. Leftovers of dead publishes are swept first.
  static Result<std::unique_ptr<Staging>> begin(const std::string& repository);
  ~Staging() override;

  // First here, then in the repository.
  Result<Bytes> get(const ObjectId& id) override;
  Result<bool> has(const ObjectId& id) override;
  // Only what the repository does not have is kept here.
  Status put(const ObjectId& id, ByteView file) override;
  // Keeps it even though the repository seems to have it: what it has is damaged, and was removed.
  Status put_anew(const ObjectId& id, ByteView file) { return fresh_.put(id, file); }
  Status sync() override;

  // Everything put is durable in the repository, under its own name, on return. After a failure it may be called again.
  Status commit();

  // What `has` found in the repository, and what was committed to it, is still there: to be called under the commit
  // lock, because garbage collection may have taken away what nothing referred to until now. What lies in quarantine is
  // taken back.
  //   kConflict  something is gone for good: ingest again
  Status confirm();
  // `confirm` found something gone for good: what was ingested has to be ingested again.
  bool has_lost() const { return has_lost_; }

  // A directory for temporary files of this publish, on the repository's filesystem.
  const std::string& scratch() const { return scratch_; }

 private:
  Staging(const std::string& repository, std::string directory, FileLock lock);
  void rely_on(const ObjectId& id);

  const std::string repository_path_;
  const std::string directory_;
  const std::string scratch_;
  std::optional<FileLock> lock_;
  DirStore fresh_;
  DirStore repository_;

  std::atomic<bool> has_lost_{false};
  Mutex mutex_;
  std::unordered_set<ObjectId> relied_on_ GUARDED_BY(mutex_);  // found in the repository, or committed to it
};

// Removes the stagings of processes that are gone; returns how many. Harmless beside running publishes.
Result<size_t> sweep_dead_stagings(const std::string& repository);

}  // namespace granary
