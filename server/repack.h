// repack: keeps small files together although only what changed is stored anew. Releases leave packs of which little is
// still used, and directories whose files are scattered over many packs; a bounded part of both is written into new
// packs with every publish. Contents, inode numbers and the tree digest stay what they are.
#pragma once

#include "server/catalog_editor.h"
#include "server/live_packs.h"
#include "server/object_writer.h"

namespace granary {

// A content that lies elsewhere now.
struct MovedContent {
  Digest digest;
  uint64_t size_bytes = 0;
  std::vector<Slice> slices;
};

// How much a publish that brings so many new plain bytes may write anew.
uint64_t repack_budget_bytes(uint64_t new_plain_bytes);

// Chooses among the files of `base` that `changes` leave alone, and moves them. To be called when `editor`, opened on
// `base`, had `changes` applied and before it finishes; `packs` followed the changes too. What cannot be read stays
// where it is, with a warning in the log. Returns what moved, for ContentIndex::replace once the commit has succeeded.
Result<std::vector<MovedContent>> repack(Catalog& base, const ChangeSet& changes, LivePacks& packs,
                                         ObjectReader& objects, ObjectWriter& writer, CatalogEditor& editor,
                                         uint64_t budget_bytes);

}  // namespace granary
