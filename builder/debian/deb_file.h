// DebFile: a Debian binary package (.deb, deb(5)): an ar archive of debian-binary, control.tar.* and data.tar.*, each
// plain or compressed with gzip, xz or zstd. Foreign bytes: everything is bounded, names are checked, and nothing is
// written anywhere (see builder/tree/package_layer.h for that). Safe from many threads.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "fs/base/bytes.h"
#include "fs/base/unique_fd.h"

namespace granary {

struct DebEntry {
  enum class Type : char {
    kFile = 'f',
    kDirectory = 'd',
    kSymlink = 'l',
    kHardLink = 'h',
    kCharacterDevice = 'c',
    kBlockDevice = 'b',
    kFifo = 'p',
  };

  std::string path;  // relative, without "." and ".."; the root itself is ""
  Type type = Type::kFile;
  uint16_t mode = 0;  // permissions, set-id bits and the sticky one
  uint32_t uid = 0, gid = 0;
  int64_t mtime = 0;        // seconds
  uint64_t size_bytes = 0;  // of a file
  std::string target;       // of a symbolic link, as it is; of a hard link: the path of an earlier entry
  uint32_t major = 0, minor = 0;

  bool operator==(const DebEntry&) const = default;
};

// A file of control.tar: "control", "md5sums", "postinst", ...
struct DebControlFile {
  Bytes content;
  uint16_t mode = 0;
  int64_t mtime = 0;  // seconds
};
using DebControl = std::map<std::string, DebControlFile>;  // by name

// Takes the entries of data.tar, in its order.
class DebReceiver {
 public:
  virtual ~DebReceiver() = default;
  virtual Status entry(const DebEntry& entry) = 0;
  // More of the content of the file that came last; together as many as its size says.
  virtual Status content(ByteView bytes) = 0;
};

class DebFile {
 public:
  static constexpr uint64_t kMaxDataBytes = uint64_t{64} << 30;  // unpacked
  static constexpr uint64_t kMaxEntries = 4 << 20;
  static constexpr uint64_t kMaxControlBytes = 64 << 20;  // unpacked
  static constexpr uint64_t kMaxControlFiles = 4096;

  // `name` is for messages.
  //   kCorrupt      not a Debian package, or a damaged one
  //   kUnsupported  of a newer format, or compressed in another way
  static Result<DebFile> read(UniqueFd file, std::string name);
  static Result<DebFile> open(const std::string& path);

  // The files of control.tar; "control" is among them.
  //   kCorrupt, kEndlessData  damaged, or more of it than a package can have
  Result<DebControl> control() const;

  // Hands all entries of data.tar to `receiver` and stops at its first error.
  //   kCorrupt, kEndlessData  as above; kInvalid: a name that leaves the tree
  Status data(DebReceiver& receiver) const;

 private:
  struct Member {
    uint64_t offset = 0, size_bytes = 0;
  };
  DebFile(UniqueFd file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}
  Status find_members();
  template <class Take>
  Status each_entry(const Member& member, uint64_t entry_limit, uint64_t bytes_limit, const Take& take) const;

  UniqueFd file_;
  std::string name_;
  Member control_, data_;
};

}  // namespace granary
