// PageSource: the pages of an SQLite database, wherever they lie. The seam below the VFS (catalog_vfs.h):
// CatalogPages reads a stored catalog; the server's PageOverlay keeps changed pages apart from it.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <unordered_map>

#include "fs/base/mutex.h"
#include "fs/format/catalog_index.h"

namespace granary {

// A page's bytes and what keeps them alive.
struct Page {
  SharedBytes owner;
  ByteView bytes;  // kPageBytes
};

class PageSource {
 public:
  virtual ~PageSource() = default;
  virtual uint64_t page_count() const = 0;
  // `number` is 1 … page_count().
  virtual Result<Page> page(uint32_t number) = 0;

  virtual bool writable() const { return false; }
  // Grows the database when `number` lies beyond its end. kInvalid when not writable.
  virtual Status write(uint32_t number, ByteView page);
};

// CatalogPages: the pages of a stored catalog, fetched group by group when asked for. Keeps the last 32 MiB of groups.
// Looks ahead as far as it was read in order; a small catalog that is in use comes as a whole, some groups with each
// read. Safe from many threads at once. Borrows the reader.
class CatalogPages : public PageSource {
 public:
  //   kCorrupt, kUnsupported  not a catalog index, or not one of ours
  //   otherwise               what the reader said about it
  static Result<std::unique_ptr<CatalogPages>> open(const ObjectId& id, ObjectReader& objects);

  uint64_t page_count() const override { return index_.page_count; }
  // An inlined copy when there is one, else from its group.
  Result<Page> page(uint32_t number) override;

  // Groups count from 0.
  Result<ObjectId> group_id(uint64_t group);
  Result<SharedBytes> group(uint64_t group);
  // The leaves' digests; none when the index names the groups itself.
  const CatalogIndex& index() const { return index_; }
  // The index, its leaves and all groups.
  Result<std::vector<ObjectId>> own_objects();
  // Asks for all groups at once, so that they arrive side by side; failures show later, where they matter.
  void fetch_all();

 private:
  using Leaf = std::shared_ptr<const std::vector<ObjectId>>;
  struct Kept {
    uint64_t group;
    SharedBytes bytes;
  };

  CatalogPages(const ObjectId& id, ObjectReader& objects, SharedBytes object, CatalogIndex index);
  Result<Leaf> leaf(uint64_t number);
  void look_ahead(uint64_t group);
  bool expect_once(uint64_t group);
  SharedBytes kept(uint64_t group);
  void keep(uint64_t group, const SharedBytes& bytes);

  const ObjectId id_;
  ObjectReader& objects_;
  const SharedBytes index_object_;  // the inlined pages lie in it
  const CatalogIndex index_;

  Mutex mutex_;
  std::vector<Leaf> leaves_ GUARDED_BY(mutex_);
  std::list<Kept> recent_ GUARDED_BY(mutex_);  // most recently used first
  std::unordered_map<uint64_t, std::list<Kept>::iterator> by_group_ GUARDED_BY(mutex_);
  uint64_t groups_read_ GUARDED_BY(mutex_) = 0;
  uint64_t last_read_ GUARDED_BY(mutex_) = 0;
  uint64_t in_order_ GUARDED_BY(mutex_) = 0;  // groups read one after the other so far
  std::vector<bool> expected_ GUARDED_BY(mutex_);
};

}  // namespace granary
