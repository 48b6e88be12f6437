// ingest: how a source gets into a repository: its files become objects, and what it changes in the base a ChangeSet.
// The objects are written, not committed; the caller applies the changes with a CatalogEditor and commits.
#pragma once

#include "fs/format/catalog.h"
#include "server/change_set.h"
#include "server/tree_source.h"

namespace granary {

struct IngestOptions {
  unsigned jobs = 1;  // threads that read and hash; the writer has its own
  Bytes subpath;      // what of the tree the source replaces; "" is all of it
  std::function<void(const ReadCounters&)> progress;
  const PackOrder* together = nullptr;  // small files that a profile touches
};

struct Ingested {
  ChangeSet changes;
  ReadCounters counters;
};

// `known` and `stats` may be null: then everything is stored anew where the writer cannot tell, or read (--checksum).
// `base`: the branch as it is, null when it is empty. Borrows everything for the call.
// On success all objects that the changes name are stored (`writer` is flushed).
Result<Ingested> ingest(TreeSource& source, ObjectWriter& writer, KnownContents* known, StatCache* stats, Catalog* base,
                        const IngestOptions& options);

}  // namespace granary
