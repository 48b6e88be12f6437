#include "builder/export/tree_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <unordered_map>

#include "fs/base/file.h"
#include "fs/format/file_content.h"
#include "fs/format/posix_acl.h"

namespace granary {

namespace {
constexpr const char* kAccessAcl = "system.posix_acl_access";
constexpr const char* kDefaultAcl = "system.posix_acl_default";

struct FreeEntry {
  void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};

unsigned file_type(NodeType type) {
  switch (type) {
    case NodeType::kFile: return AE_IFREG;
    case NodeType::kDirectory: return AE_IFDIR;
    case NodeType::kSymlink: return AE_IFLNK;
    case NodeType::kCharDevice: return AE_IFCHR;
    case NodeType::kBlockDevice: return AE_IFBLK;
    case NodeType::kFifo: return AE_IFIFO;
    case NodeType::kSocket: return AE_IFSOCK;
  }
  return AE_IFREG;
}

int acl_tag(uint16_t tag) {
  switch (tag) {
    case AclEntry::kOwner: return ARCHIVE_ENTRY_ACL_USER_OBJ;
    case AclEntry::kUser: return ARCHIVE_ENTRY_ACL_USER;
    case AclEntry::kOwningGroup: return ARCHIVE_ENTRY_ACL_GROUP_OBJ;
    case AclEntry::kGroup: return ARCHIVE_ENTRY_ACL_GROUP;
    case AclEntry::kMask: return ARCHIVE_ENTRY_ACL_MASK;
    default: return ARCHIVE_ENTRY_ACL_OTHER;
  }
}

Status add_acl(archive_entry* out, ByteView value, int kind) {
  for (const AclEntry& entry : TRY(decode_acl(value))) {
    const bool named = entry.tag == AclEntry::kUser || entry.tag == AclEntry::kGroup;
    ::archive_entry_acl_add_entry(out, kind, entry.permissions, acl_tag(entry.tag),
                                  named ? static_cast<int>(entry.id) : -1, nullptr);
  }
  return Done{};
}

class TreeWriter {
 public:
  TreeWriter(const ExportRequest& request, archive* writer, const TreeArchiveOptions& options)
      : request_(request), writer_(writer), options_(options), content_(request.catalog, request.objects) {}

  Result<ExportReport> write() {
    progress_.step = "reading";
    progress_.bytes_total = TRY(request_.catalog.total_bytes());
    TRY(write_directory(TRY(request_.catalog.root()), {}));
    return std::move(report_);
  }

 private:
  // The directory itself, then what is in it; sub-directories where their names come.
  Status write_directory(const Entry& directory, const Bytes& path) {
    TRY(write_entry(directory, path));
    std::vector<Entry> entries;
    TRY(request_.catalog.list(directory.inode, {}, [&](Entry&& entry) {
      entries.push_back(std::move(entry));
      return true;
    }));
    for (const Entry& entry : entries) {
      const Bytes below = path.empty() ? entry.name : path + "/" + entry.name;
      TRY(entry.node.is_directory() ? write_directory(entry, below) : write_entry(entry, below));
    }
    return Done{};
  }

  Status write_entry(const Entry& entry, const Bytes& path) {
    if (entry.node.type == NodeType::kSocket) {
      report_.losses.push_back("socket /" + printable(path));
      return Done{};
    }
    const std::unique_ptr<archive_entry, FreeEntry> out(::archive_entry_new());
    const Bytes name = options_.prefix + path;
    ::archive_entry_copy_pathname(out.get(), name.c_str());
    const bool first = entry.node.is_directory() || entry.nlink == 1 || names_.try_emplace(entry.inode, name).second;
    TRY_WITHIN("/" + printable(path), describe(entry, path, out.get()));
    if (!first) {
      ::archive_entry_copy_hardlink(out.get(), names_.at(entry.inode).c_str());
      ::archive_entry_unset_size(out.get());
    }
    TRY(header(out.get(), path));
    if (first && entry.node.is_file()) TRY_WITHIN("/" + printable(path), write_content(entry));
    if (::archive_write_finish_entry(writer_) < ARCHIVE_WARN)
      return archive_failure(writer_, "cannot write /" + printable(path));
    return Done{};
  }

  Status header(archive_entry* out, const Bytes& path) {
    const int outcome = ::archive_write_header(writer_, out);
    // A warning: a name that is not UTF-8, which a tar marks as bytes.
    if (outcome == ARCHIVE_OK || (outcome == ARCHIVE_WARN && options_.is_tar)) return Done{};
    return archive_failure(writer_, "cannot write /" + printable(path));
  }

  Status describe(const Entry& entry, const Bytes& path, archive_entry* out) {
    const Node& node = entry.node;
    ::archive_entry_set_filetype(out, file_type(node.type));
    ::archive_entry_set_perm(out, static_cast<mode_t>(node.mode));
    ::archive_entry_set_uid(out, node.uid);
    ::archive_entry_set_gid(out, node.gid);
    set_mtime(node, out);
    ::archive_entry_set_size(out, node.is_file() ? static_cast<int64_t>(node.size_bytes) : 0);
    if (node.type == NodeType::kSymlink) ::archive_entry_copy_symlink(out, node.target.c_str());
    ::archive_entry_set_rdevmajor(out, node.device_major);
    ::archive_entry_set_rdevminor(out, node.device_minor);
    for (const Xattr& xattr : node.xattrs) {
      const bool is_acl = xattr.name == kAccessAcl || xattr.name == kDefaultAcl;
      if (is_acl && !options_.takes_acls) {
        report_.losses.push_back((xattr.name == kDefaultAcl ? "default ACL of /" : "ACL of /") + printable(path));
      } else if (xattr.name == kAccessAcl) {
        TRY(add_acl(out, xattr.value, ARCHIVE_ENTRY_ACL_TYPE_ACCESS));
      } else if (xattr.name == kDefaultAcl) {
        TRY(add_acl(out, xattr.value, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT));
      } else {
        ::archive_entry_xattr_add_entry(out, xattr.name.c_str(), xattr.value.data(), xattr.value.size());
      }
    }
    return Done{};
  }

  // A pax header says -1.5 for half a second before -1; libarchive (up to 3.8 at least) writes seconds and nanoseconds
  // side by side, as if both counted away from 1970.
  void set_mtime(const Node& node, archive_entry* out) const {
    const bool before_1970 = options_.is_tar && node.mtime < -1 && node.mtime_ns != 0;
    ::archive_entry_set_mtime(out, before_1970 ? node.mtime + 1 : node.mtime,
                              static_cast<long>(before_1970 ? 1'000'000'000 - node.mtime_ns : node.mtime_ns));
  }

  Status write_content(const Entry& entry) {
    return content_.read(entry, [&](ByteView piece) -> Status {
      progress_.bytes += piece.size();
      while (!piece.empty()) {
        const la_ssize_t written = ::archive_write_data(writer_, piece.data(), piece.size());
        if (written <= 0) return archive_failure(writer_, "cannot write its content");
        piece.remove_prefix(static_cast<size_t>(written));
      }
      request_.on_progress(progress_);
      return Done{};
    });
  }

  const ExportRequest& request_;
  archive* const writer_;
  const TreeArchiveOptions& options_;
  FileContent content_;
  ExportProgress progress_;
  ExportReport report_;
  std::unordered_map<InodeNumber, Bytes> names_;  // of hard-link groups: the name that carries the content
};
}  // namespace

Error archive_failure(archive* writer, const std::string& what) {
  const int number = ::archive_errno(writer);
  const char* words = ::archive_error_string(writer);
  Error error = system_error(number > 0 ? number : EIO, what);
  if (words != nullptr) error.message = str(what, ": ", words);
  return error;
}

Result<ExportReport> write_tree(const ExportRequest& request, archive* writer, const TreeArchiveOptions& options) {
  return TreeWriter(request, writer, options).write();
}

}  // namespace granary
