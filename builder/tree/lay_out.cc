#include "builder/tree/lay_out.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <set>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr size_t kPieceBytes = 1 << 20;

struct Attributes {
  uint32_t uid, gid;
  uint16_t mode;
  int64_t mtime;
};

class LayOut {
 public:
  LayOut(const PackageLayer& package, TreeRoot& tree, TreeRoot from, const DpkgDatabase& database, Laying laying)
      : package_(package), tree_(tree), from_(std::move(from)), database_(database), laying_(laying) {
    name_ = control_field(package.control_file("control"), "Package");
    read_conffiles();
  }

  Status run() {
    for (const LayerEntry& entry : package_.entries())
      TRY_WITHIN(str("cannot lay out /", printable(entry.path), " of ", name_), lay(entry));
    return Done{};
  }

 private:
  void read_conffiles() {
    const ByteView list = package_.control_file("conffiles");
    for (size_t begin = 0; begin < list.size();) {
      const size_t end = std::min(list.find('\n', begin), list.size());
      std::string_view line = list.substr(begin, end - begin);
      if (line.starts_with("/")) conffiles_.insert(std::string(line.substr(1, line.find_last_not_of(" \t\r"))));
      begin = end + 1;
    }
  }

  // Where the entry goes: elsewhere when diverted, and under a name apart when dpkg is to put it in its place.
  std::string target_of(const std::string& path) const {
    const std::string& target = database_.diverted(path, name_);
    return conffiles_.contains(path) ? target + ".dpkg-new" : target;
  }

  Attributes attributes_of(const LayerEntry& entry) const {
    if (const auto override = database_.override_of(entry.path))
      return {override->uid, override->gid, override->mode, entry.mtime};
    return {entry.uid, entry.gid, entry.mode, entry.mtime};
  }

  Status lay(const LayerEntry& entry) {
    if (entry.path.empty()) return Done{};
    if (laying_ == Laying::kFirst && conffiles_.contains(entry.path)) TRY(lay_at(entry, entry.path));
    return lay_at(entry, target_of(entry.path));
  }

  Status lay_at(const LayerEntry& entry, const std::string& target) {
    if (entry.type == DebEntry::Type::kDirectory) return lay_directory(entry, target);
    // The way to the linked file first: the next look-up may let go of its directory.
    UniqueFd linked;
    std::string linked_name;
    if (entry.type == DebEntry::Type::kHardLink) {
      const auto first = TRY(tree_.place(target_of(entry.target)));
      linked.reset(::fcntl(first.directory, F_DUPFD_CLOEXEC, 0));
      linked_name = first.name;
    }
    const auto at = TRY(tree_.make_way(target));
    const char* const name = at.name.c_str();
    // Seldom is anything in its place: made first, and looked at what is there only if it cannot be made.
    UniqueFd file;
    bool is_made = make(entry, at, linked.get(), linked_name, file);
    if (!is_made && errno == EEXIST) {
      if (entry.type == DebEntry::Type::kSymlink && leads_there_already(at, entry)) return Done{};
      if (::unlinkat(at.directory, name, 0) != 0) {
        if (errno == EISDIR) return Error{Code::kInvalid, "a directory is in its place"};
        return refused();
      }
      is_made = make(entry, at, linked.get(), linked_name, file);
    }
    if (!is_made) return refused();
    if (entry.type == DebEntry::Type::kFile) return fill(entry, file.get());
    return entry.type == DebEntry::Type::kHardLink ? Status(Done{}) : dress(at, entry);
  }

  // False: errno says why not. `file`: of a regular one, open to be written to.
  static bool make(const LayerEntry& entry, const TreeRoot::Place& at, int linked, const std::string& linked_name,
                   UniqueFd& file) {
    const char* const name = at.name.c_str();
    switch (entry.type) {
      case DebEntry::Type::kFile:
        file.reset(::openat(at.directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        return file.valid();
      case DebEntry::Type::kHardLink: return ::linkat(linked, linked_name.c_str(), at.directory, name, 0) == 0;
      case DebEntry::Type::kSymlink: return ::symlinkat(entry.target.c_str(), at.directory, name) == 0;
      case DebEntry::Type::kFifo: return ::mkfifoat(at.directory, name, 0600) == 0;
      case DebEntry::Type::kCharacterDevice:
        return ::mknodat(at.directory, name, S_IFCHR | 0600, makedev(entry.major, entry.minor)) == 0;
      case DebEntry::Type::kBlockDevice:
        return ::mknodat(at.directory, name, S_IFBLK | 0600, makedev(entry.major, entry.minor)) == 0;
      case DebEntry::Type::kDirectory: break;
    }
    return true;
  }

  // A merged /usr: the link is there before the package that ships it.
  static bool leads_there_already(const TreeRoot::Place& at, const LayerEntry& entry) {
    char target[4096];
    const ssize_t length = ::readlinkat(at.directory, at.name.c_str(), target, sizeof target);
    return length >= 0 && std::string_view(target, static_cast<size_t>(length)) == entry.target;
  }

  Status lay_directory(const LayerEntry& entry, const std::string& target) {
    const auto at = TRY(tree_.make_way(target));
    if (::mkdirat(at.directory, at.name.c_str(), 0700) == 0) return dress(at, entry);
    if (errno != EEXIST) return refused();
    if (!tree_.is_directory(target)) return Error{Code::kInvalid, "something that is no directory is in its place"};
    if (laying_ == Laying::kUpon) return Done{};
    struct stat there {};
    if (::fstatat(at.directory, at.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) return refused();
    if (!S_ISDIR(there.st_mode)) return Done{};
    const Attributes attributes = attributes_of(entry);
    if (::fchownat(at.directory, at.name.c_str(), attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW) != 0)
      return refused();
    return check(::fchmodat(at.directory, at.name.c_str(), attributes.mode, 0));
  }

  Status fill(const LayerEntry& entry, int file) {
    const auto source = TRY(from_.place(entry.path));
    const UniqueFd from(::openat(source.directory, source.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!from.valid()) return damaged();
    TRY(copy(from.get(), file, entry));
    const Attributes attributes = attributes_of(entry);
    const timespec times[2] = {{attributes.mtime, 0}, {attributes.mtime, 0}};
    if ((attributes.uid | attributes.gid) != 0) TRY(check(::fchown(file, attributes.uid, attributes.gid)));
    TRY(check(::fchmod(file, attributes.mode)));
    return check(::futimens(file, times));
  }

  // Compares the content on its way: a cache is not trusted.
  Status copy(int from, int to, const LayerEntry& entry) {
    static thread_local std::string buffer(kPieceBytes, '\0');
    Sha256 hash;
    for (uint64_t done = 0; done < entry.size_bytes;) {
      const ssize_t got = ::read(from, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return damaged();
      const ByteView piece(buffer.data(), static_cast<size_t>(got));
      hash.update(piece);
      TRY(write_all(to, piece));
      done += piece.size();
      if (done > entry.size_bytes) return damaged();
    }
    return hash.finish() == entry.digest ? Status(Done{}) : damaged();
  }

  Status dress(const TreeRoot::Place& at, const LayerEntry& entry) {
    const Attributes attributes = attributes_of(entry);
    const timespec times[2] = {{attributes.mtime, 0}, {attributes.mtime, 0}};
    const char* const name = at.name.c_str();
    const bool is_link = entry.type == DebEntry::Type::kSymlink;
    if (::fchownat(at.directory, name, attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW) != 0) return refused();
    if (!is_link && ::fchmodat(at.directory, name, attributes.mode, 0) != 0) return refused();
    return check(::utimensat(at.directory, name, times, AT_SYMLINK_NOFOLLOW));
  }

  Status damaged() const { return Error{Code::kCorrupt, "the unpacked package " + package_.tree() + " is damaged"}; }
  static Status refused() { return system_error(errno, "refused"); }
  static Status check(int status) { return status == 0 ? Status(Done{}) : refused(); }

  const PackageLayer& package_;
  TreeRoot& tree_;
  TreeRoot from_;
  const DpkgDatabase& database_;
  const Laying laying_;
  std::string name_;
  std::set<std::string> conffiles_;
};
}  // namespace

Status lay_out(const PackageLayer& package, TreeRoot& tree, const DpkgDatabase& database, Laying laying) {
  TreeRoot from = TRY(TreeRoot::open(package.tree(), TreeRoot::Links::kRefuse));
  return LayOut(package, tree, std::move(from), database, laying).run();
}

}  // namespace granary
