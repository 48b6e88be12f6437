// First the whole tree is scanned, then its files are read. The two phases keep the memory for metadata only, let
// files be read in path order whatever the order of the scan, and give hard links a first name.
#include "server/directory_source.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <unordered_map>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "server/large_file.h"
#include "server/ordered_parallel.h"

namespace granary {

namespace {
using Number = SourceTree::Number;

// A file whose content is still to be had, under the first of its names.
struct FileJob {
  Number number;
  FileStat stat;
};

struct Scan {
  SourceTree tree;
  std::vector<std::pair<Number, Number>> other_names;  // of hard links: name, first name
  std::vector<FileJob> files;                          // in path order
  Refusals refusals;
};

Result<std::vector<Bytes>> names_in(int directory) {
  const int copy = ::fcntl(directory, F_DUPFD_CLOEXEC, 0);
  DIR* stream = copy < 0 ? nullptr : ::fdopendir(copy);
  if (stream == nullptr) {
    const int error_number = errno;
    if (copy >= 0) ::close(copy);
    return system_error(error_number, "cannot list it");
  }
  std::vector<Bytes> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const ByteView name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int error_number = errno;
  ::closedir(stream);
  if (error_number != 0) return system_error(error_number, "cannot list it");
  std::sort(names.begin(), names.end());
  return names;
}

// Scanner: fills a Scan from a directory, depth first, in path order.
class Scanner {
 public:
  Scanner(int root, const DirectorySource::Options& options, Scan& scan) : root_(root), options_(options), scan_(scan) {
    struct stat info {};
    if (!options.repository.empty() && ::stat(options.repository.c_str(), &info) == 0)
      repository_ = {info.st_dev, info.st_ino};
  }

  Status run() {
    HostEntry root = TRY(read_entry(root_));
    take(SourceTree::kRoot, {}, {}, std::move(root));
    return Done{};
  }

  // Adds the entry and all that is below it.
  void take(Number parent, const Bytes& path, ByteView name, HostEntry&& entry) {
    const bool is_root = path.empty();
    const bool is_elsewhere = entry.is_mount_point && !is_root && !options_.cross_mounts;
    if (const Status fit = check(path, entry, is_elsewhere); !fit) return scan_.refusals.add(path, fit.error());
    const Number number = add(parent, name, entry);
    if (!entry.node.is_directory() || entry.node.is_whiteout) return;
    if (is_elsewhere)
      log::warn("ingest mount-point-left-empty", {{"path", printable(path)}});
    else
      descend(number, path);
  }

 private:
  using FileId = std::pair<uint64_t, uint64_t>;  // device, inode
  struct FileIdHash {
    size_t operator()(const FileId& id) const { return id.first * 0x9e3779b97f4a7c15 + id.second; }
  };
  struct Links {
    uint32_t group;
    Number first;
  };

  Status check(const Bytes& path, HostEntry& entry, bool is_elsewhere) const {
    TRY(options_.interpret(path, entry));
    if (FileId{entry.stat.device, entry.stat.inode} == repository_)
      return Error{Code::kInvalid, "this is the repository itself: publish a source that does not hold it"};
    if (is_elsewhere && !entry.node.is_directory())
      return Error{Code::kUnsupported,
                   "another filesystem's file is mounted over it: unmount it or publish across mounts"};
    Node node;  // what the format limits
    node.type = entry.node.type;
    node.mode = entry.node.mode;
    node.mtime_ns = entry.node.mtime_ns;
    node.target = entry.target;
    node.xattrs = entry.xattrs;
    return check_node(node);
  }

  Number add(Number parent, ByteView name, HostEntry& entry) {
    SourceTree& tree = scan_.tree;
    entry.node.xattrs = tree.keep_xattrs(entry.xattrs);
    if (entry.node.type == NodeType::kSymlink) entry.node.target = tree.keep_target(std::move(entry.target));
    bool is_first = true;
    if (entry.nlink > 1 && !entry.node.is_directory() && !entry.node.is_whiteout) {
      const auto next = static_cast<uint32_t>(links_.size() + 1);
      const auto [at, fresh] = links_.try_emplace(FileId{entry.stat.device, entry.stat.inode}, Links{next, 0});
      if (fresh) at->second.first = static_cast<Number>(tree.size());
      entry.node.link_group = at->second.group;
      is_first = fresh;
      if (!fresh) scan_.other_names.emplace_back(static_cast<Number>(tree.size()), at->second.first);
    }
    const Number number = tree.add(parent, name, entry.node);
    if (entry.node.is_file() && is_first) scan_.files.push_back({number, entry.stat});
    return number;
  }

  void descend(Number directory, const Bytes& path) {
    auto listed = list(path);
    if (!listed) return scan_.refusals.add(path, listed.error());
    for (auto& [name, entry] : *listed) {
      if (scan_.refusals.full()) return;
      take(directory, below(path, name), name, std::move(entry));
    }
  }

  // What is in a directory, which is closed again: a deep tree shall not need a descriptor a level.
  Result<std::vector<std::pair<Bytes, HostEntry>>> list(const Bytes& path) {
    const UniqueFd fd = TRY(open_below(root_, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    std::vector<std::pair<Bytes, HostEntry>> entries;
    std::vector<Bytes> names = TRY(names_in(fd.get()));
    for (Bytes& name : names) {
      if (auto entry = look_at(fd.get(), path, name)) entries.emplace_back(std::move(name), std::move(*entry));
    }
    return entries;
  }

  // Nothing when it is gone again, or refused.
  std::optional<HostEntry> look_at(int directory, const Bytes& path, const Bytes& name) {
    auto entry = read_entry(directory, name);
    if (entry) return std::move(*entry);
    if (entry.error().code != Code::kNotFound) scan_.refusals.add(below(path, name), entry.error());
    return std::nullopt;
  }

  static Bytes below(const Bytes& path, const Bytes& name) { return path.empty() ? name : path + "/" + name; }

  const int root_;
  const DirectorySource::Options& options_;
  Scan& scan_;
  std::optional<FileId> repository_;
  std::unordered_map<FileId, Links, FileIdHash> links_;
};

// The bytes of an open file, holes as the filesystem knows them.
class HostFileReader : public FileReader {
 public:
  HostFileReader(int fd, uint64_t size_bytes) : fd_(fd), size_bytes_(size_bytes) {}

  Result<Piece> next() override {
    if (at_ >= size_bytes_) return Piece{};
    if (at_ >= data_end_) {
      const uint64_t data = seek(SEEK_DATA).value_or(size_bytes_);
      if (data > at_) {
        const uint64_t hole = std::min(data, size_bytes_) - at_;
        at_ += hole;
        return Piece{{}, hole};
      }
      data_end_ = std::min(seek(SEEK_HOLE).value_or(size_bytes_), size_bytes_);
    }
    buffer_ = TRY(read_at(fd_, static_cast<off_t>(at_), std::min<uint64_t>(kReadBytes, data_end_ - at_)));
    at_ += buffer_.size();
    if (buffer_.empty()) at_ = size_bytes_;  // it shrank: the caller will see
    return Piece{buffer_, 0};
  }

 private:
  static constexpr size_t kReadBytes = 256 << 10;

  // Nothing: no data up to the end. A filesystem that cannot tell says that everything is data.
  std::optional<uint64_t> seek(int whence) const {
    const off_t found = ::lseek(fd_, static_cast<off_t>(at_), whence);
    if (found >= 0) return static_cast<uint64_t>(found);
    if (errno == ENXIO) return std::nullopt;
    return whence == SEEK_DATA ? at_ : size_bytes_;
  }

  const int fd_;
  const uint64_t size_bytes_;
  uint64_t at_ = 0;
  uint64_t data_end_ = 0;  // of the run of data we are in
  Bytes buffer_;
};

// What became of a FileJob.
struct TakenFile {
  Number number = 0;
  FileStat stat;
  Content content;  // without slices when `small` holds the bytes
  std::optional<Bytes> small;
  bool recognised = false;             // by its stat, not read
  std::optional<HostEntry> refreshed;  // its metadata changed since the scan
  std::optional<Error> failure;
  bool is_refusal = false;  // about the file, not about the repository
};

// FileTaker: reads files, on many threads.
class FileTaker {
 public:
  FileTaker(int root, const std::string& source, const DirectorySource::Options& options, const SourceTree& tree,
            Intake& intake)
      : root_(root), source_(source), options_(options), tree_(tree), intake_(intake) {}

  TakenFile take(const FileJob& job) const {
    TakenFile taken;
    taken.number = job.number;
    taken.stat = job.stat;
    const Bytes path = tree_.path(job.number);
    if (intake_.stats != nullptr) {
      if (auto known = intake_.stats->find(source_, path, job.stat)) {
        taken.content = std::move(*known);
        taken.recognised = true;
        return taken;
      }
    }
    if (const Status read = read_until_stable(path, taken); !read) taken.failure = read.error();
    return taken;
  }

 private:
  static constexpr int kMostAttempts = 3;

  Status read_until_stable(const Bytes& path, TakenFile& taken) const {
    for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
      if (TRY(read_once(path, taken))) return Done{};
    }
    taken.is_refusal = true;
    return Error{Code::kUnavailable, "it changes while it is read: publish it when it is at rest"};
  }

  // False when the file changed meanwhile.
  Result<bool> read_once(const Bytes& path, TakenFile& taken) const {
    taken.is_refusal = true;
    const UniqueFd fd = TRY(open_below(root_, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    const FileStat before = TRY(read_stat(fd.get()));
    if (!S_ISREG(before.mode)) return false;
    if (before != taken.stat) {
      taken.refreshed = TRY(read_entry(fd.get()));
      TRY(options_.interpret(path, *taken.refreshed));
      taken.stat = taken.refreshed->stat;
    }
    taken.small.reset();
    if (before.size_bytes < kLargeFileBytes) {
      taken.small = TRY(read_at(fd.get(), 0, before.size_bytes));
      taken.content = {Digest::of(*taken.small), taken.small->size(), {}};
    } else {
      HostFileReader reader(fd.get(), before.size_bytes);
      taken.is_refusal = false;
      taken.content = TRY(store_large_file(reader, intake_.writer));
    }
    taken.is_refusal = true;
    return TRY(read_stat(fd.get())) == taken.stat && taken.content.size_bytes == taken.stat.size_bytes;
  }

  const int root_;
  const std::string& source_;
  const DirectorySource::Options& options_;
  const SourceTree& tree_;
  Intake& intake_;
};

// Files that one thread takes in one go: handing over each alone would cost more than reading it.
struct Batch {
  size_t first, end;  // of Scan::files
};

// Settler: puts taken files into the tree, in path order. One thread.
class Settler {
 public:
  Settler(const std::string& source, Scan& scan, Intake& intake, std::time_t started)
      : source_(source), scan_(scan), intake_(intake), started_(started) {}

  Status settle(TakenFile&& taken) {
    if (taken.failure) return refuse(taken);
    SourceNode& node = scan_.tree.node(taken.number);
    if (taken.refreshed) refresh(node, *taken.refreshed);
    node.content =
        taken.small ? TRY(intake_.packer.add(taken.content.digest, *taken.small)) : intake_.contents.add(taken.content);
    if (taken.recognised) {
      ++intake_.counters.files_recognised;
      return Done{};
    }
    ++intake_.counters.files_read;
    intake_.counters.bytes_read += taken.content.size_bytes;
    if (intake_.stats != nullptr && is_at_rest(taken.stat))
      intake_.stats->remember(source_, scan_.tree.path(taken.number), taken.stat, taken.content.digest);
    return Done{};
  }

  // All names of a hard link are what the first is.
  void share_with_other_names() {
    for (const auto& [other, first] : scan_.other_names) scan_.tree.node(other) = scan_.tree.node(first);
  }

 private:
  Status refuse(const TakenFile& taken) {
    const Bytes path = scan_.tree.path(taken.number);
    if (!taken.is_refusal) return taken.failure->within("cannot store /" + printable(path));
    scan_.refusals.add(path, *taken.failure);
    return scan_.refusals.full() ? scan_.refusals.status() : Status(Done{});
  }

  void refresh(SourceNode& node, const HostEntry& entry) {
    const uint32_t link_group = node.link_group;
    node = entry.node;
    node.link_group = link_group;
    node.xattrs = scan_.tree.keep_xattrs(entry.xattrs);
  }

  // A file changed just before the scan could change again within one tick of the clock: its stat proves nothing yet.
  bool is_at_rest(const FileStat& stat) const {
    constexpr std::time_t kSettlingSeconds = 2;
    return stat.ctime < started_ - kSettlingSeconds;
  }

  const std::string& source_;
  Scan& scan_;
  Intake& intake_;
  const std::time_t started_;
};

std::vector<Batch> make_batches(const std::vector<FileJob>& files) {
  constexpr size_t kMostFiles = 32;
  std::vector<Batch> batches;
  uint64_t bytes = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    bytes += files[i].stat.size_bytes;
    if (batches.empty() || bytes > kPackBytes || i - batches.back().first >= kMostFiles) {
      batches.push_back({i, i});
      bytes = files[i].stat.size_bytes;
    }
    batches.back().end = i + 1;
  }
  return batches;
}
}  // namespace

Result<std::unique_ptr<DirectorySource>> DirectorySource::open(const std::string& path, Options options) {
  UniqueFd root = TRY_WITHIN("cannot read the source", open_file(path, O_RDONLY | O_DIRECTORY));
  // Without it every entry would look as if it had just been removed.
  if (!exists("/proc/self/fd"))
    return Error{Code::kInternal, "cannot read the source: extended attributes are read through /proc; mount it"};
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return system_error(errno, "cannot find " + printable(path));
  std::string absolute(real);
  std::free(real);
  return std::unique_ptr<DirectorySource>(
      new DirectorySource(std::move(absolute), std::move(root), std::move(options)));
}

Status DirectorySource::drop_overlay_xattrs(ByteView, HostEntry& entry) {
  std::erase_if(entry.xattrs, [](const Xattr& xattr) { return xattr.name.starts_with("trusted.overlay."); });
  return Done{};
}

Result<SourceTree> DirectorySource::read(Intake& intake) {
  const std::time_t started = std::time(nullptr);
  Scan scan;
  TRY(Scanner(root_.get(), options_, scan).run());
  TRY(scan.refusals.status());
  intake.counters.entries = scan.tree.size();

  Settler settler(path_, scan, intake, started);
  const FileTaker taker(root_.get(), path_, options_, scan.tree, intake);
  const std::vector<Batch> batches = make_batches(scan.files);
  constexpr size_t kWindowBatches = 64;
  const auto take = [&](size_t i) {
    std::vector<TakenFile> taken;
    for (size_t file = batches[i].first; file < batches[i].end; ++file) taken.push_back(taker.take(scan.files[file]));
    return taken;
  };
  const auto settle = [&](std::vector<TakenFile>&& taken) -> Status {
    for (auto& one : taken) TRY(settler.settle(std::move(one)));
    if (intake.progress) intake.progress(intake.counters);
    return Done{};
  };
  TRY(ordered_parallel<std::vector<TakenFile>>(batches.size(), intake.jobs, kWindowBatches, take, settle));
  TRY(scan.refusals.status());
  settler.share_with_other_names();
  scan.tree.seal();
  return std::move(scan.tree);
}

}  // namespace granary
