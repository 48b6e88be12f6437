// move_touched_ranges: puts the parts of large files that a trace touched together, in packs of their own in order of
// first touch. A program's start touches a few pages here and there of each library: their chunks would bring several
// times as many bytes. What was not touched stays in the file's own chunks; the touched bytes are stored twice.
#pragma once

#include "fs/format/profile_trace.h"
#include "server/catalog_editor.h"
#include "server/object_writer.h"

namespace granary {

// A large file of the base catalog, and what was touched of it.
struct TouchedFile {
  Bytes path;
  InodeNumber inode = 0;
  Digest digest;
  uint64_t size_bytes = 0;
  std::vector<Slice> slices;      // as they are
  std::vector<ByteRange> ranges;  // ascending and disjoint; they may reach beyond the end
};

// The files' new slices, in the order of `files`; `files` as they are when the touched parts lie together already. The
// packs are written, not flushed.
Result<std::vector<std::vector<Slice>>> move_touched_ranges(const std::vector<TouchedFile>& files,
                                                            ObjectReader& objects, ObjectWriter& writer);

}  // namespace granary
