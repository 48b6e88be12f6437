// repack: keeps small files together although only what changed is stored anew. Releases leave packs of which little is
// still used, and directories whose files are scattered over many packs; a bounded part of both is written into new
// packs with every publish. Contents, inode numbers and the tree digest stay what they are.
#pragma once

#include "fs/format/profile_trace.h"
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

// The places in a pack of what a trace touched, in order of first touch.
PackOrder order_of(const Trace& trace);
// Moves small files of `base` that `trace` touched, and that `changes` leave alone, together into packs of their own in
// order of first touch, and likewise the touched parts of large ones (touched_ranges.h); none when they lie together
// already. Otherwise as `repack`.
Result<std::vector<MovedContent>> repack_touched(Catalog& base, const ChangeSet& changes, const Trace& trace,
                                                 LivePacks& packs, ObjectReader& objects, ObjectWriter& writer,
                                                 CatalogEditor& editor);

}  // namespace granary
