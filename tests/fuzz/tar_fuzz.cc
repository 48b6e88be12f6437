// A tar archive: it becomes a tree that the format can hold, or an error.
#include <archive.h>
#include <archive_entry.h>
#include <sys/mman.h>

#include "fs/base/file.h"
#include "fuzz/fuzz.h"
#include "server/ingest.h"
#include "server/tar_source.h"
#include "support/memory_catalog.h"
#include "support/memory_objects.h"

namespace granary {
namespace {
UniqueFd in_memory(ByteView bytes) {
  UniqueFd fd(::memfd_create("tar", MFD_CLOEXEC));
  promise(fd.valid() && write_all_at(fd.get(), 0, bytes), "there is memory");
  return fd;
}

// A sparse member may claim any size, and hashing its zeros takes as long as it takes.
bool is_quickly_read(ByteView input) {
  archive* const reader = archive_read_new();
  archive_read_support_format_tar(reader);
  bool quick = archive_read_open_memory(reader, input.data(), input.size()) == ARCHIVE_OK;
  archive_entry* entry = nullptr;
  while (quick && archive_read_next_header(reader, &entry) >= ARCHIVE_WARN) {
    quick = archive_entry_size(entry) <= 1 << 22;
  }
  archive_read_free(reader);
  return quick;
}
}  // namespace

void try_input(ByteView input) {
  if (!is_quickly_read(input)) return;
  MemoryObjects objects;
  MemoryCatalog catalog;
  const auto take = [&] {
    TarSource source(in_memory(input), "fuzzed");
    return ingest(source, objects, nullptr, nullptr, &catalog, {});
  };
  const auto first = take();
  if (!first) return;
  const auto& changes = first->changes.changes;
  for (size_t i = 0; i < changes.size(); ++i) {
    promise(i == 0 || path_less(changes[i - 1].path, changes[i].path), "paths are sorted, and none comes twice");
    promise(bool(check_node(changes[i].node)), "the format can hold every node");
    uint64_t size_bytes = 0;
    for (const Slice& slice : changes[i].slices) {
      size_bytes += slice.length_bytes;
      promise(slice.is_hole() || slice.offset_bytes + slice.length_bytes <= objects.at(slice.object).size(),
              "slices lie within their objects");
    }
    promise(!changes[i].node.is_file() || size_bytes == changes[i].node.size_bytes, "slices cover the file");
  }
  promise(bool(catalog.apply(first->changes)), "the changes fit the tree");
  const auto again = take();
  promise(again && again->changes.changes.empty(), "the same archive changes nothing");
}
}  // namespace granary
