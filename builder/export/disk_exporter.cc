#include "builder/export/disk_exporter.h"

#include <archive.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <unordered_set>

#include "builder/export/tree_archive.h"
#include "fs/base/file.h"
#include "fs/base/program.h"

namespace granary {

namespace {
constexpr uint64_t kBlockBytes = 4096;
constexpr uint64_t kInodeBytes = 256;
constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr size_t kInlineTargetBytes = 59;

// The features of e2fsprogs 1.47, so that no configuration of this machine decides.
constexpr std::string_view kConfiguration =
    "[defaults]\n"
    "  base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr\n"
    "  default_mntopts = acl,user_xattr\n"
    "  enable_periodic_fsck = 0\n"
    "  blocksize = 4096\n"
    "  inode_size = 256\n"
    "  lazy_itable_init = 0\n"
    "  discard = 0\n"
    "[fs_types]\n"
    "  ext4 = {\n"
    "    features = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize\n"
    "  }\n";

// The programs count 31 bits of seconds where they take the time from us.
UnixSeconds plain_time(UnixSeconds time) { return std::clamp<UnixSeconds>(time, 1, INT32_MAX); }

uint64_t blocks_of(uint64_t bytes) { return (bytes + kBlockBytes - 1) / kBlockBytes; }

uint64_t whole(uint64_t bytes, uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

std::string mebibytes(uint64_t bytes) { return str(whole(bytes, kMiB) / kMiB, "M"); }

struct FreeWriter {
  void operator()(archive* writer) const { ::archive_write_free(writer); }
};

Result<ExportReport> lay_out(const ExportRequest& request, const std::string& directory) {
  const std::unique_ptr<archive, FreeWriter> writer(::archive_write_disk_new());
  ::archive_write_disk_set_options(writer.get(), ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
                                                     ARCHIVE_EXTRACT_ACL | ARCHIVE_EXTRACT_XATTR);
  ExportReport report = TRY(write_tree(request, writer.get(), {directory + "/", true, false}));
  if (::archive_write_close(writer.get()) != ARCHIVE_OK)
    return archive_failure(writer.get(), "cannot lay out the tree in " + printable(directory));
  return report;
}

// A UUID (RFC 9562, version 8) of 16 bytes of a digest.
std::string uuid_from(ByteView bytes) {
  Bytes raw(bytes.substr(0, 16));
  raw[6] = static_cast<char>((raw[6] & 0x0F) | 0x80);
  raw[8] = static_cast<char>((raw[8] & 0x3F) | 0x80);
  std::string text = to_hex(raw);
  for (const size_t at : {20, 16, 12, 8}) text.insert(at, "-");
  return text;
}

std::vector<std::string> environment(const std::string& configuration, UnixSeconds now) {
  return {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "MKE2FS_CONFIG=" + configuration,
          str("E2FSPROGS_FAKE_TIME=", plain_time(now))};
}

Error missing(const Error& error, const char* program, const char* package) {
  if (error.code != Code::kNotFound) return error;
  return {Code::kNotFound,
          str("this format is made by ", program, ", which is not installed: apt-get install ", package)};
}

Status run(Program program, const char* package) {
  program.output = Program::Stream::kDiscard;
  program.errors = Program::Stream::kCapture;
  const auto end = run_program_well(program);
  if (end) return Done{};
  for (const char* full : {"No space left", "Could not allocate"}) {
    if (end.error().message.find(full) != std::string::npos) return Error{Code::kNoSpace, end.error().message};
  }
  return missing(end.error(), program.words[0].c_str(), package);
}

Result<uint64_t> size_for(const ExportRequest& request, const DiskNeeds& needs) {
  if (request.size_bytes == 0) return needs.usual_bytes();
  if (request.size_bytes >= needs.least_bytes()) return request.size_bytes / kBlockBytes * kBlockBytes;
  return Error{Code::kNoSpace, str("the tree does not fit into ", mebibytes(request.size_bytes), ": it needs ",
                                   mebibytes(needs.least_bytes()), " at least; say --size ",
                                   mebibytes(needs.usual_bytes()), ", or leave --size out")};
}

Status make_file(const std::string& path, uint64_t size_bytes) {
  const UniqueFd file = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (::ftruncate(file.get(), static_cast<off_t>(size_bytes)) != 0)
    return system_error(errno, "cannot make " + printable(path));
  return Done{};
}

// What mke2fs did not take from the tree: the root directory is its own, and the times of access and change are those
// of the files laid out a moment ago. It numbers inodes one after the other, those below 12 being its own.
std::string corrections(const Node& root, const DiskNeeds& needs) {
  constexpr uint64_t kRoot = 2;
  constexpr uint64_t kFirst = 12;
  std::string requests;
  const auto set = [&](uint64_t inode, const char* field, const std::string& value) {
    requests += str("set_inode_field <", inode, "> ", field, " ", value, "\n");
  };
  const auto set_times = [&](uint64_t inode) {
    for (const char* field : {"atime", "ctime"}) set(inode, field, str("@", plain_time(needs.newest)));
  };
  set(kRoot, "mode", str("0", std::oct, 040000 | root.mode));
  set(kRoot, "uid", str(root.uid));
  set(kRoot, "gid", str(root.gid));
  set(kRoot, "mtime", str("@", plain_time(root.mtime)));
  set_times(kRoot);
  for (uint64_t inode = kFirst; inode < kFirst + needs.inodes - 1; ++inode) set_times(inode);
  return requests;
}

Status make_file_system(const ExportRequest& request, const DiskNeeds& needs, const std::string& tree,
                        const std::string& image, const std::string& scratch) {
  const std::string configuration = scratch + "/mke2fs.conf";
  TRY(replace_file(configuration, kConfiguration, 0600, Durability::kFast));
  const ByteView digest = request.tree.raw();
  Program program;
  program.words = {"mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-N", str(needs.inodes + needs.inodes / 4 + 1024)};
  program.words.insert(program.words.end(), {"-U", uuid_from(digest), "-d", tree, "-E",
                                             "root_owner=0:0,hash_seed=" + uuid_from(digest.substr(16)), image});
  program.environment = environment(configuration, needs.newest);
  TRY(run(program, "e2fsprogs"));

  const std::string script = scratch + "/corrections";
  TRY(replace_file(script, corrections(TRY(request.catalog.root()).node, needs), 0600, Durability::kFast));
  Program correct;
  correct.words = {"debugfs", "-w", "-f", script, image};
  correct.environment = program.environment;
  return run(std::move(correct), "e2fsprogs");
}
}  // namespace

uint64_t DiskNeeds::least_bytes() const {
  // mke2fs takes 64 MiB of journal at most for disks of this kind, and some blocks a group of 128 MiB.
  const uint64_t tables = (inodes + inodes / 4 + 1024) * kInodeBytes;
  const uint64_t content = blocks * kBlockBytes + tables;
  const uint64_t journal = content < 512 * kMiB ? 16 * kMiB : 64 * kMiB;
  return whole(content + journal + content / 64 + 4 * kMiB, kMiB);
}

uint64_t DiskNeeds::usual_bytes() const {
  return whole(least_bytes() + std::max(least_bytes() / 4, 256 * kMiB), 64 * kMiB);
}

Result<DiskNeeds> disk_needs(Catalog& catalog) {
  DiskNeeds needs;
  std::unordered_set<InodeNumber> seen;
  TRY(catalog.scan([&](Entry&& entry) {
    const Node& node = entry.node;
    needs.newest = std::max<UnixSeconds>(needs.newest, node.mtime);
    if (!node.is_directory() && entry.nlink > 1 && !seen.insert(entry.inode).second) return true;
    if (node.type == NodeType::kSocket) return true;
    ++needs.inodes;
    if (node.is_file()) needs.blocks += blocks_of(node.size_bytes) + blocks_of(node.size_bytes) / 512;
    if (node.is_directory()) needs.blocks += 1 + node.size_bytes / 60;  // entries, each some sixty bytes
    if (node.type == NodeType::kSymlink && node.target.size() > kInlineTargetBytes) ++needs.blocks;
    if (!node.xattrs.empty()) ++needs.blocks;
    return true;
  }));
  return needs;
}

Result<ExportReport> DiskExporter::write(const ExportRequest& request, const std::string& path) {
  if (::geteuid() != 0)
    return Error{
        Code::kPermission,
        "a disk needs root, because its files belong to many users: run it with sudo; tar and squashfs do not"};
  const DiskNeeds needs = TRY(disk_needs(request.catalog));
  const uint64_t size_bytes = TRY(size_for(request, needs));
  const TemporaryDirectory scratch =
      TRY(TemporaryDirectory::make(std::filesystem::absolute(path).parent_path().string()));
  const std::string tree = scratch.path() + "/tree";
  const std::string image = format_ == DiskFormat::kRaw ? path : scratch.path() + "/disk";
  TRY(make_directories(tree));
  const ExportReport report = TRY(lay_out(request, tree));
  request.on_progress({"making the file system", 0, 0});
  TRY(make_file(image, size_bytes));
  TRY(make_file_system(request, needs, tree, image, scratch.path()));
  if (format_ == DiskFormat::kRaw) return report;

  request.on_progress({"making the disk", 0, 0});
  Program convert;
  convert.words = {"qemu-img", "convert", "-f", "raw", "-O", "qcow2", image, path};
  TRY(run(std::move(convert), "qemu-utils"));
  return report;
}

}  // namespace granary
