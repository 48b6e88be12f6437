// DirStore: the objects of a repository directory, one file each, below objects/ (docs/format.md, 2).
// A put writes a temporary file in the same folder and renames it: what has its name is complete.
#pragma once

#include <string>

#include "fs/store/object_store.h"

namespace granary {

class DirStore : public ObjectStore {
 public:
  // `repository` is the directory that holds objects/.
  explicit DirStore(std::string repository) : repository_(std::move(repository)) {}

  Result<Bytes> get(const ObjectId& id) override;
  Status put(const ObjectId& id, ByteView file) override;
  Result<bool> has(const ObjectId& id) override;
  // One syncfs(2) for all of them: far cheaper than an fsync an object.
  Status sync() override;

  std::string path_of(const ObjectId& id) const { return repository_ + "/" + object_path(id); }

 private:
  const std::string repository_;
};

}  // namespace granary
