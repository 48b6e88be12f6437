// LivePacks: how many bytes of each pack a branch still uses: what re-packing goes by. Kept in the content index
// between publishes and brought up to date by each publish's changes alone; made anew by a scan when it does not fit.
// A hint: a content that several files share counts for each of them, and what lies behind a pack's last live byte when
// a scan meets it is not seen. One thread. Borrows the index.
#pragma once

#include <string>
#include <unordered_map>

#include "fs/format/catalog.h"
#include "server/change_set.h"
#include "server/content_index.h"

namespace granary {

class LivePacks {
 public:
  struct Pack {
    uint64_t live_bytes = 0;
    uint64_t size_bytes = 0;
    bool is_sparse() const { return 2 * live_bytes < size_bytes; }  // less than half of it is used
  };

  // The counts for `base`, the newest catalog of `branch`; none when it is null.
  static Result<LivePacks> load(ContentIndex& index, const std::string& branch, Catalog* base);

  // Follows a change set that is applied to `base`.
  Status apply(const ChangeSet& changes, Catalog* base);
  // A file's content moved.
  void move(const std::vector<Slice>& from, const std::vector<Slice>& to);
  // Keeps the counts as those of `catalog`, which was committed.
  Status save(const CatalogId& catalog);

  const std::unordered_map<ObjectId, Pack>& packs() const { return packs_; }

  // The pack that a small file lies in; none for large, empty and hole files.
  static ObjectId pack_of(uint64_t size_bytes, const std::vector<Slice>& slices);

 private:
  LivePacks(ContentIndex& index, std::string branch) : index_(&index), branch_(std::move(branch)) {}

  void add(const std::vector<Slice>& slices, uint64_t size_bytes);
  void take_away(const std::vector<Slice>& slices, uint64_t size_bytes);
  Status take_away_below(const Entry& entry, Catalog& base);

  ContentIndex* index_;
  std::string branch_;
  std::unordered_map<ObjectId, Pack> packs_;
};

}  // namespace granary
