// TarSource: a tar archive as the source of a publish: plain or compressed (gzip, bzip2, xz, lzma, zstd), from a file
// or a stream; POSIX (pax), GNU and old archives, with names of any bytes, xattrs, ACLs, sparse files and devices.
// Members may come in any order and repeatedly: the last one counts. A directory that no member names but others lie in
// has mode 0755 and owner, group and time 0. A hard link refers to an earlier member. Absolute names and ".." are
// refused. One thread.
#pragma once

#include <memory>
#include <string>

#include "fs/base/unique_fd.h"
#include "server/tree_source.h"

namespace granary {

class TarSource : public TreeSource {
 public:
  // "-" is standard input.
  //   kNotFound, kPermission  the file cannot be opened
  static Result<std::unique_ptr<TarSource>> open(const std::string& path);
  // Reads `archive` from where it stands. `name` is for messages.
  TarSource(UniqueFd archive, std::string name) : archive_(std::move(archive)), name_(std::move(name)) {}

  // Once.
  //   kInvalid  not a tar archive
  //   kCorrupt  it is damaged or ends too early
  Result<SourceTree> read(Intake& intake) override;

 private:
  UniqueFd archive_;
  const std::string name_;
};

}  // namespace granary
