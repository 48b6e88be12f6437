// TreeRoot: a directory that is acted on as if it were "/". No path leads out of it: symbolic links on the way are
// followed within it, as a process would that has it for its root (openat2(2), RESOLVE_IN_ROOT), or are refused. The
// last part of a path is never followed. One thread.
#pragma once

#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>

#include "fs/base/bytes.h"
#include "fs/base/unique_fd.h"

namespace granary {

class TreeRoot {
 public:
  enum class Links { kFollow, kRefuse };

  // What system calls want: a directory and a name in it. Good until the next call of place() or forget().
  struct Place {
    int directory;
    std::string name;  // "." for the root itself
  };

  //   kNotFound  no such directory
  static Result<TreeRoot> open(const std::string& path, Links links);

  // Paths are relative or absolute, without "..".
  //   kNotFound  a directory on the way is missing;  kInvalid  a link on the way that is refused, or no directory
  Result<Place> place(const std::string& path);
  // The same; directories on the way that are missing are made (0755, ours).
  Result<Place> make_way(const std::string& path);
  // Directories may have been moved by others: places are looked up anew.
  void forget() { directories_.clear(); }

  // Without following it; nothing if it is not there.
  Result<std::optional<struct stat>> look(const std::string& path);
  bool has(const std::string& path);
  // Through a link at the end, too: whether it is a directory in the end.
  bool is_directory(const std::string& path) const;
  // kEndlessData when it is longer. Follows links, within the tree.
  Result<Bytes> read(const std::string& path, size_t limit_bytes = 64 << 20) const;
  // The content, or nothing when there is no such file.
  Result<Bytes> read_if_there(const std::string& path, size_t limit_bytes = 64 << 20) const;
  // Replaces the file in one step; through a link at the end it replaces the link. Directories on the way are made.
  Status write(const std::string& path, ByteView content, mode_t mode = 0644, uid_t uid = 0, gid_t gid = 0);
  // A file, link or empty directory; not there is success.
  Status remove(const std::string& path);
  // With everything in it.
  Status remove_all(const std::string& path);

  const std::string& path() const { return path_; }
  int descriptor() const { return root_.get(); }

 private:
  TreeRoot(std::string path, UniqueFd root, Links links)
      : path_(std::move(path)), root_(std::move(root)), links_(links) {}
  Result<UniqueFd> open_beneath(const std::string& path, int flags) const;
  Result<int> directory(const std::string& path, bool make);
  Error failed(int error_number, const std::string& path) const;

  std::string path_;
  UniqueFd root_;
  Links links_;
  std::map<std::string, UniqueFd> directories_;
};

}  // namespace granary
