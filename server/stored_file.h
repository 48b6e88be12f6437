// The bytes of a file of a snapshot, straight from the objects that its slices name.
#pragma once

#include <functional>

#include "fs/format/catalog.h"

namespace granary {

// Hands the file's bytes to `take`, in order, a slice at a time; holes as zeros. Only a window of a large file's slices
// is in memory. An error of `take` ends it.
//   kCorrupt  a slice reaches beyond its object; otherwise as the reader says
Status read_stored_file(Catalog& catalog, ObjectReader& objects, const Entry& file,
                        const std::function<Status(ByteView)>& take);

// The whole of the file at `path`.
//   kNotFound  no such file;  kInvalid  no regular file;  kEndlessData  longer than `limit_bytes`
Result<Bytes> read_stored_file(Catalog& catalog, ObjectReader& objects, ByteView path, uint64_t limit_bytes);

}  // namespace granary
