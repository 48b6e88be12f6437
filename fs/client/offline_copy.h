// OfflineCopy: what a mount by a snapshot's id asks a repository for before its catalog, kept beside the versions seen:
// the newest head, the names that it leads to, and the snapshots that were mounted. With it, and with its files in the
// cache, a machine starts again while no server can be reached. Believed no more than what a server sends: the head is
// verified again, against the versions seen; objects are compared with their digests; what is damaged is not there.
// Best effort: what cannot be kept is told to the log. Safe from many processes at once.
#pragma once

#include <optional>
#include <string>

#include "fs/format/object.h"

namespace granary {

class OfflineCopy {
 public:
  // Of one repository, made when something is first kept.
  explicit OfflineCopy(std::string directory) : directory_(std::move(directory)) {}

  std::optional<Bytes> head() const;
  void keep_head(ByteView head) const;

  // Plain bytes. Of kMostObjects, those that were not asked for the longest go.
  static constexpr size_t kMostObjects = 32;
  std::optional<Bytes> object(const ObjectId& id) const;
  void keep_object(const ObjectId& id, ByteView bytes) const;

 private:
  void keep(const std::string& name, ByteView bytes) const;
  void remove_old_objects() const;

  const std::string directory_;
};

}  // namespace granary
