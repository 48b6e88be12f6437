#include "builder/tree/package_layer.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>

#include "builder/tree/tree_root.h"
#include "fs/base/directory_lock.h"
#include "server/parallel.h"

namespace granary {

namespace {
constexpr std::string_view kMagic = "granary package 1\n";
constexpr std::string_view kMaking = "making.";
constexpr size_t kMaxListBytes = size_t{1} << 30;

std::string directory_of(const std::string& layers, const Digest& deb) {
  return str(layers, "/", deb.hex(), "-", PackageLayer::kFormat);
}

Result<Digest> digest_of_file(const std::string& path) {
  const UniqueFd file = TRY(open_file(path, O_RDONLY));
  Sha256 hash;
  for (off_t offset = 0;;) {
    const Bytes piece = TRY(read_at(file.get(), offset, 1 << 20));
    if (piece.empty()) return hash.finish();
    hash.update(piece);
    offset += static_cast<off_t>(piece.size());
  }
}

// Writes the entries of a package below a directory that nobody else works in.
class Unpacker : public DebReceiver {
 public:
  explicit Unpacker(TreeRoot root) : root_(std::move(root)) {}

  Status entry(const DebEntry& entry) override {
    TRY(end_of_file());
    entries_.push_back({entry, {}});
    TRY_WITHIN("cannot make " + printable(entry.path), create(entry));
    return Done{};
  }

  Status content(ByteView bytes) override {
    hash_.update(bytes);
    return write_all(file_.get(), bytes);
  }

  Result<std::vector<LayerEntry>> finish() {
    TRY(end_of_file());
    return std::move(entries_);
  }

 private:
  Status create(const DebEntry& entry) {
    const auto at = TRY(root_.make_way(entry.path));
    const char* const name = at.name.c_str();
    struct stat there {};
    const bool exists = ::fstatat(at.directory, name, &there, AT_SYMLINK_NOFOLLOW) == 0;
    if (entry.type == DebEntry::Type::kDirectory) {
      if (exists && S_ISDIR(there.st_mode)) return Done{};
      return check(::mkdirat(at.directory, name, 0755));
    }
    if (exists && ::unlinkat(at.directory, name, 0) != 0) return check(-1);
    switch (entry.type) {
      case DebEntry::Type::kFile: return begin_file(at);
      case DebEntry::Type::kSymlink: return check(::symlinkat(entry.target.c_str(), at.directory, name));
      case DebEntry::Type::kHardLink: return link_to(entry);
      default: return Done{};  // made where it is installed
    }
  }

  // Owners and modes are given where it is installed: nobody but us comes here, and no set-id file waits here.
  Status begin_file(const TreeRoot::Place& at) {
    file_.reset(::openat(at.directory, at.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    return check(file_.valid() ? 0 : -1);
  }

  Status link_to(const DebEntry& entry) {
    const auto target = TRY(root_.place(entry.target));
    const UniqueFd directory(::fcntl(target.directory, F_DUPFD_CLOEXEC, 0));
    const auto at = TRY(root_.make_way(entry.path));
    return check(::linkat(directory.get(), target.name.c_str(), at.directory, at.name.c_str(), 0));
  }

  Status end_of_file() {
    if (!file_.valid()) return Done{};
    file_.reset();
    entries_.back().digest = hash_.finish();
    return Done{};
  }

  static Status check(int status) {
    if (status == 0) return Done{};
    return system_error(errno, "refused");
  }

  TreeRoot root_;
  UniqueFd file_;
  Sha256 hash_;
  std::vector<LayerEntry> entries_;
};

Bytes serialise(const DebControl& control, const std::vector<LayerEntry>& entries) {
  ByteWriter out;
  out.bytes(kMagic).u32(static_cast<uint32_t>(control.size()));
  for (const auto& [name, file] : control) out.string(name).string(file.content).u16(file.mode).i64(file.mtime);
  out.u32(static_cast<uint32_t>(entries.size()));
  for (const LayerEntry& entry : entries) {
    out.string(entry.path).u8(static_cast<uint8_t>(entry.type)).u16(entry.mode).u32(entry.uid).u32(entry.gid);
    out.i64(entry.mtime).u64(entry.size_bytes).string(entry.target).u32(entry.major).u32(entry.minor);
    out.bytes(entry.digest.raw());
  }
  return out.view() + Bytes(Digest::of(out.view()).raw());
}

// A directory under construction: locked by who works in it, so that a leftover is told from one in use.
class Making {
 public:
  static Result<Making> begin(const std::string& layers) {
    for (int attempt = 0;; ++attempt) {
      std::string path = str(layers, "/", kMaking, "XXXXXX");
      if (::mkdtemp(path.data()) == nullptr)
        return system_error(errno, "cannot make a directory in " + printable(layers));
      // Somebody who clears up may take it for a leftover until it is locked.
      if (auto lock = DirectoryLock::try_lock(path)) return Making(path, std::move(*lock));
      if (attempt == 100) return Error{Code::kBusy, "cannot lock a directory in " + printable(layers)};
    }
  }
  Making(Making&& other) noexcept : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  Making& operator=(Making&&) = delete;
  ~Making() {
    if (!path_.empty()) static_cast<void>(remove_tree(path_));
  }
  const std::string& path() const { return path_; }

  // Somebody else may have been faster: theirs is as good.
  Status rename_to(const std::string& name) {
    if (::rename(path_.c_str(), name.c_str()) == 0) {
      path_.clear();
      return Done{};
    }
    if (errno == EEXIST || errno == ENOTEMPTY) return Done{};
    return system_error(errno, "cannot rename " + printable(path_));
  }

 private:
  Making(std::string path, DirectoryLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  DirectoryLock lock_;
};

void remove_leftovers(const std::string& layers) {
  std::error_code failure;
  for (const auto& item : std::filesystem::directory_iterator(layers, failure)) {
    if (!item.path().filename().string().starts_with(kMaking)) continue;
    if (const auto lock = DirectoryLock::try_lock(item.path().string()))
      static_cast<void>(remove_tree(item.path().string()));
  }
}
}  // namespace

Result<PackageLayer> PackageLayer::open(const std::string& layers, const Digest& deb) {
  const std::string directory = directory_of(layers, deb);
  const Bytes list = TRY(read_file(directory + "/package", kMaxListBytes));
  const Error damaged{Code::kCorrupt, "the package layer " + printable(directory) + " is damaged"};
  if (list.size() < Digest::kSizeBytes || !list.starts_with(kMagic)) return damaged;
  const ByteView body = ByteView(list).substr(0, list.size() - Digest::kSizeBytes);
  if (Digest::of(body).raw() != ByteView(list).substr(body.size())) return damaged;

  PackageLayer layer;
  layer.tree_ = directory + "/tree";
  ByteReader in(body.substr(kMagic.size()));
  for (uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
    const std::string name(in.string());
    DebControlFile& file = layer.control_[name];
    file.content = in.string();
    file.mode = in.u16();
    file.mtime = in.i64();
  }
  for (uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
    LayerEntry entry;
    entry.path = in.string();
    entry.type = static_cast<DebEntry::Type>(in.u8());
    entry.mode = in.u16();
    entry.uid = in.u32();
    entry.gid = in.u32();
    entry.mtime = in.i64();
    entry.size_bytes = in.u64();
    entry.target = in.string();
    entry.major = in.u32();
    entry.minor = in.u32();
    entry.digest = TRY(Digest::from_raw(in.bytes(Digest::kSizeBytes)));
    layer.entries_.push_back(std::move(entry));
  }
  if (!in.ok() || !in.at_end()) return damaged;
  return layer;
}

ByteView PackageLayer::control_file(const std::string& name) const {
  const auto found = control_.find(name);
  return found != control_.end() ? ByteView(found->second.content) : ByteView();
}

Status PackageLayer::make(const std::string& layers, const Digest& deb, const std::string& path) {
  if (const Digest actual = TRY(digest_of_file(path)); actual != deb)
    return Error{Code::kCorrupt,
                 str(printable(path), " has SHA-256 ", actual.brief(), "..., not ", deb.brief(), "...")};
  const DebFile file = TRY(DebFile::open(path));
  const auto control = TRY(file.control());

  Making making = TRY(Making::begin(layers));
  TRY(make_directories(making.path() + "/tree", 0700));
  Unpacker unpacker(TRY(TreeRoot::open(making.path() + "/tree", TreeRoot::Links::kRefuse)));
  TRY(file.data(unpacker));
  const auto entries = TRY_WITHIN("cannot unpack " + printable(path), unpacker.finish());
  TRY(replace_file(making.path() + "/package", serialise(control, entries), 0600, Durability::kFast));
  return making.rename_to(directory_of(layers, deb));
}

Status PackageLayer::discard(const std::string& layers, const Digest& deb) {
  Making making = TRY(Making::begin(layers));
  const std::string aside = making.path() + "/damaged";
  if (::rename(directory_of(layers, deb).c_str(), aside.c_str()) == 0 || errno == ENOENT) return Done{};
  return system_error(errno, "cannot move " + printable(directory_of(layers, deb)));
}

Result<std::vector<PackageLayer>> package_layers(const std::string& layers, std::span<const Digest> debs,
                                                 std::span<const std::string> paths, unsigned threads) {
  TRY(make_directories(layers, 0700));
  remove_leftovers(layers);
  std::vector<PackageLayer> opened(debs.size());
  const auto prepare = [&](size_t i) -> Status {
    auto layer = PackageLayer::open(layers, debs[i]);
    if (!layer && layer.error().code == Code::kCorrupt) TRY(PackageLayer::discard(layers, debs[i]));
    if (!layer) {
      TRY(PackageLayer::make(layers, debs[i], paths[i]));
      layer = PackageLayer::open(layers, debs[i]);
    }
    opened[i] = TRY(std::move(layer));
    return Done{};
  };
  TRY(for_each_parallel(debs.size(), threads, prepare));
  return opened;
}

}  // namespace granary
