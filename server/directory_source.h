// DirectorySource: a directory of this host as the source of a publish. Never follows a symbolic link; owners are
// numeric; files are read and hashed on all cores while small ones are packed in path order. A file recognised by its
// stat is not read. A file that changes while it is read is read again, and refused by name if it goes on changing.
// One thread; it starts its own.
#pragma once

#include <memory>
#include <string>

#include "fs/base/unique_fd.h"
#include "server/entry_reader.h"
#include "server/refusals.h"

namespace granary {

class DirectorySource : public TreeSource {
 public:
  struct Options {
    // Other filesystems mounted in the tree are part of it. Without it a mount point is an empty directory,
    // with a warning in the log; a file that is mounted over is refused.
    bool cross_mounts = false;
    // A directory that must not lie in the tree: the repository itself.
    std::string repository;
    // A last look at each entry before it is taken; drops xattrs that are not content, or refuses it.
    std::function<Status(ByteView path, HostEntry&)> interpret = drop_overlay_xattrs;
  };
  //   kNotFound, kInvalid, kPermission  `path` is not a directory that we can read
  static Result<std::unique_ptr<DirectorySource>> open(const std::string& path, Options options);

  Result<SourceTree> read(Intake& intake) override;

  // What overlayfs notes down for itself is no content.
  static Status drop_overlay_xattrs(ByteView path, HostEntry& entry);

 private:
  DirectorySource(std::string path, UniqueFd root, Options options)
      : path_(std::move(path)), root_(std::move(root)), options_(std::move(options)) {}

  const std::string path_;  // absolute, without symbolic links
  const UniqueFd root_;
  const Options options_;
};

}  // namespace granary
