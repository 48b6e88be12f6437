// TreeSource: where a publish takes a tree from. Sources: DirectorySource, TarSource, OverlaySource; tests add their
// own. Intake: what a source hands files to. StatCache: what recognises files that did not change since the last
// publish.
#pragma once

#include <functional>

#include "server/packer.h"
#include "server/source_tree.h"

namespace granary {

// What tells that a file has not changed.
struct FileStat {
  uint64_t size_bytes = 0;
  int64_t mtime = 0, ctime = 0;  // seconds
  uint32_t mtime_ns = 0, ctime_ns = 0;
  uint64_t inode = 0;
  uint64_t device = 0;
  uint32_t mode = 0;
  auto operator<=>(const FileStat&) const = default;
};

// Safe from many threads.
class StatCache {
 public:
  virtual ~StatCache() = default;
  // The content that a file had when it last had this stat, if all its objects exist.
  virtual std::optional<Content> find(ByteView source, ByteView path, const FileStat& stat) = 0;
  // To be believed by the next publish. The caller vouches that the file has been at rest (see DirectorySource).
  virtual void remember(ByteView source, ByteView path, const FileStat& stat, const Digest& digest) = 0;
};

struct ReadCounters {
  uint64_t entries = 0;
  uint64_t files_read = 0;
  uint64_t files_recognised = 0;  // by their stat, without reading
  uint64_t bytes_read = 0;
};

struct Intake {
  ObjectWriter& writer;
  Packer& packer;
  ContentTable& contents;
  StatCache* stats = nullptr;  // none: everything is read
  unsigned jobs = 1;
  std::function<void(const ReadCounters&)> progress;  // called now and then, from one thread
  ReadCounters counters;
};

class TreeSource {
 public:
  virtual ~TreeSource() = default;
  // The whole tree, sealed; the bytes of its files went to `intake`.
  //   kInvalid, kUnsupported, kPermission, …  names what cannot be taken, up to twenty of them
  virtual Result<SourceTree> read(Intake& intake) = 0;
};

}  // namespace granary
