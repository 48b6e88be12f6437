// ObjectStore: object files, kept under the digest of their plain bytes.
// Stores: DirStore (a repository directory). Tests add MemStore and FaultyStore.
// All are safe to call from many threads at once.
#pragma once

#include "fs/format/object.h"

namespace granary {

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // The object file stored under `id`, unchecked: a store may hand back anything,
  // and whoever needs trust decodes with `decode_object(id, file)`.
  //   kNotFound     not here; another store may have it
  //   kUnavailable  could not tell; worth a retry
  virtual Result<Bytes> get(const ObjectId& id) = 0;

  // Keeps `file` under `id`; complete there or not there at all. Durable only after `sync`.
  // Storing an object twice is a cheap success.
  virtual Status put(const ObjectId& id, ByteView file) = 0;

  virtual Result<bool> has(const ObjectId& id) = 0;

  // Everything put so far is on the disk on return.
  virtual Status sync() = 0;
};

// StoreReader: verified plain objects straight from a store, nothing cached. Borrows the store.
class StoreReader : public ObjectReader {
 public:
  explicit StoreReader(ObjectStore& store) : store_(store) {}
  Result<SharedBytes> read(const ObjectId& id) override;

 private:
  ObjectStore& store_;
};

}  // namespace granary
