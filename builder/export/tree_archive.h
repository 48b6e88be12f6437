// write_tree: a whole tree, entry by entry in catalog order, into a libarchive writer: a tar, or a directory of this
// host. Everything goes along: numeric owners, modes, times in nanoseconds, hard links, devices, xattrs, ACLs.
#pragma once

#include "builder/export/exporter.h"

struct archive;

namespace granary {

struct TreeArchiveOptions {
  std::string prefix = "./";  // before each path
  bool takes_acls = true;     // else they are losses
  bool is_tar = true;         // else the writer makes files
};

// What had no place in there: sockets always.
//   kNoSpace, kPermission, …  what the writer said
Result<ExportReport> write_tree(const ExportRequest& request, archive* writer, const TreeArchiveOptions& options);

// What the writer complained about last, with the code that its errno stands for.
Error archive_failure(archive* writer, const std::string& what);

}  // namespace granary
