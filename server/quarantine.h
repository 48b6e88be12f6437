// Quarantine: objects set aside by garbage collection, in .granary/quarantine/HH/…, until nobody can miss them. The
// time of a file there is when it was set aside. Every call is made under the repository's commit lock.
#pragma once

#include <string>

#include "fs/format/object.h"

namespace granary {

class Quarantine {
 public:
  // `repository`: its top directory.
  explicit Quarantine(std::string repository) : repository_(std::move(repository)) {}

  Status set_aside(const ObjectId& id);
  // Whether it was there and is among the repository's objects again; not yet durable.
  Result<bool> restore(const ObjectId& id);
  std::string directory() const { return repository_ + "/.granary/quarantine"; }

 private:
  std::string path_of(const ObjectId& id) const;
  const std::string repository_;
};

}  // namespace granary
