// read_entry: all that a directory entry of this host is, content apart: metadata, extended attributes, link target.
// Never follows a symbolic link. Needs /proc. Safe from many threads.
#pragma once

#include "fs/base/unique_fd.h"
#include "server/tree_source.h"

namespace granary {

struct HostEntry {
  SourceNode node;  // its numbers of xattrs, target and content are not filled in
  FileStat stat;
  uint64_t nlink = 1;
  std::vector<Xattr> xattrs;  // all there are, sorted by name
  Bytes target;
  bool is_mount_point = false;
};

// The entry `name` of an open directory.
//   kNotFound     gone
//   kUnsupported  the format cannot hold it
Result<HostEntry> read_entry(int directory, const Bytes& name);
// What an open file or directory is.
Result<HostEntry> read_entry(int fd);
Result<FileStat> read_stat(int fd);

// Opens what lies at `path` below `directory`, of any length, without following symbolic links anywhere.
Result<UniqueFd> open_below(int directory, ByteView path, int flags);

}  // namespace granary
