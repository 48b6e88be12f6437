// The kernel may keep whatever we tell it for as long as it likes, because a snapshot never changes: entries (the
// missing ones too), attributes, symbolic links, listings and contents. Errors are never kept. Opens are answered
// ENOSYS, once: from then on the kernel opens without asking.
#include "fs/fuse/filesystem.h"

#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "fs/format/tree_digest.h"
#include "fs/fuse/replies.h"

namespace granary {

namespace {
constexpr double kForever = 365 * 24 * 3600.0;
constexpr unsigned kMaxRequestBytes = 1U << 20;
constexpr unsigned kMaxBackground = 1024;  // read-ahead that waits for the network must not hold up what is at hand
constexpr uint64_t kBlockBytes = 4096;
// A directory entry in a reply: header and padded name; with attributes for readdirplus.
constexpr size_t kMinEntryBytes = 24 + 8;
constexpr size_t kMinEntryPlusBytes = 128 + kMinEntryBytes;
constexpr std::string_view kOwnPrefix = "user.granary.";
constexpr std::string_view kAclPrefix = "system.posix_acl_";
constexpr size_t kMaxListedObjects = 1000;
constexpr size_t kTurnThreads = 2;  // no turn waits for anything

int errno_of(Code code) {
  switch (code) {
    case Code::kNotFound: return ENOENT;
    case Code::kInvalid: return EINVAL;
    case Code::kPermission: return EACCES;
    case Code::kUnsupported: return EOPNOTSUPP;
    default: return EIO;
  }
}

mode_t type_bits(NodeType type) {
  switch (type) {
    case NodeType::kFile: return S_IFREG;
    case NodeType::kDirectory: return S_IFDIR;
    case NodeType::kSymlink: return S_IFLNK;
    case NodeType::kCharDevice: return S_IFCHR;
    case NodeType::kBlockDevice: return S_IFBLK;
    case NodeType::kFifo: return S_IFIFO;
    case NodeType::kSocket: return S_IFSOCK;
  }
  return 0;
}

fuse_entry_param entry_for(const struct stat& attributes) {
  fuse_entry_param entry{};
  entry.ino = attributes.st_ino;
  entry.attr = attributes;
  entry.attr_timeout = kForever;
  entry.entry_timeout = kForever;
  return entry;
}

// What outlives the call in which the kernel's request came.
template <class T>
T kept(T value) {
  return value;
}
std::string kept(const char* text) { return text; }

// Set while this thread tells libfuse whom to tell of an interruption, which it may do at once.
struct Registration {
  fuse_req_t request = nullptr;
  bool was_interrupted = false;
};
thread_local Registration registration;
}  // namespace

// libfuse's function pointers, each handed to the Filesystem.
struct Filesystem::Calls {
  using Taken = RequestWatch::Taken;

  static Filesystem& of(fuse_req_t request) { return *static_cast<Filesystem*>(fuse_req_userdata(request)); }
  static RequestWatch& watch(fuse_req_t request) { return of(request).watch_; }

  static void init(void* data, fuse_conn_info* connection) { static_cast<Filesystem*>(data)->init(*connection); }
  static void lookup(fuse_req_t r, fuse_ino_t parent, const char* name) {
    const Taken taken(watch(r), r, Operation::kLookup, parent, name);
    of(r).answer(r, &Filesystem::lookup, parent, name);
  }
  static void forget(fuse_req_t r, fuse_ino_t, uint64_t) { fuse_reply_none(r); }
  static void forget_multi(fuse_req_t r, size_t, fuse_forget_data*) { fuse_reply_none(r); }
  static void getattr(fuse_req_t r, fuse_ino_t inode, fuse_file_info*) {
    const Taken taken(watch(r), r, Operation::kGetattr, inode);
    of(r).answer(r, &Filesystem::getattr, inode);
  }
  static void readlink(fuse_req_t r, fuse_ino_t inode) {
    const Taken taken(watch(r), r, Operation::kReadlink, inode);
    of(r).answer(r, &Filesystem::readlink, inode);
  }
  static void open(fuse_req_t r, fuse_ino_t inode, fuse_file_info* file) {
    const Taken taken(watch(r), r, Operation::kOpen, inode);
    of(r).open(r, file);
  }
  static void opendir(fuse_req_t r, fuse_ino_t inode, fuse_file_info* file) {
    const Taken taken(watch(r), r, Operation::kOpendir, inode);
    of(r).opendir(r, file);
  }
  static void release(fuse_req_t r, fuse_ino_t, fuse_file_info*) { reply_error(r, 0); }
  static void read(fuse_req_t r, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info*) {
    const Taken taken(watch(r), r, Operation::kRead, inode, {}, static_cast<uint64_t>(offset), size);
    of(r).answer(r, &Filesystem::read, inode, size, offset);
  }
  static void readdir(fuse_req_t r, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info*) {
    const Taken taken(watch(r), r, Operation::kReaddir, inode, {}, static_cast<uint64_t>(offset), size);
    of(r).answer(r, &Filesystem::readdir, inode, size, offset, Listing::kPlain);
  }
  static void readdirplus(fuse_req_t r, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info*) {
    const Taken taken(watch(r), r, Operation::kReaddirplus, inode, {}, static_cast<uint64_t>(offset), size);
    of(r).answer(r, &Filesystem::readdir, inode, size, offset, Listing::kPlus);
  }
  static void statfs(fuse_req_t r, fuse_ino_t inode) {
    const Taken taken(watch(r), r, Operation::kStatfs, inode);
    of(r).statfs(r);
  }
  static void getxattr(fuse_req_t r, fuse_ino_t inode, const char* name, size_t size) {
    const Taken taken(watch(r), r, Operation::kGetxattr, inode, name);
    of(r).answer(r, &Filesystem::getxattr, inode, name, size);
  }
  static void listxattr(fuse_req_t r, fuse_ino_t inode, size_t size) {
    const Taken taken(watch(r), r, Operation::kListxattr, inode);
    of(r).answer(r, &Filesystem::listxattr, inode, size);
  }
  static void lseek(fuse_req_t r, fuse_ino_t inode, off_t offset, int whence, fuse_file_info*) {
    const Taken taken(watch(r), r, Operation::kLseek, inode, {}, static_cast<uint64_t>(offset));
    of(r).answer(r, &Filesystem::lseek, inode, offset, whence);
  }
  static void interrupted(fuse_req_t r, void* ticket) {
    if (registration.request == r) {
      registration.was_interrupted = true;  // libfuse holds the request still
    } else if (of(r).parked_->claim(reinterpret_cast<ParkedRequests::Ticket>(ticket))) {
      reply_error(r, EINTR);
    }
  }
};

const fuse_lowlevel_ops& Filesystem::operations() {
  static const fuse_lowlevel_ops table = [] {
    fuse_lowlevel_ops ops{};
    ops.init = Calls::init;
    ops.lookup = Calls::lookup;
    ops.forget = Calls::forget;
    ops.forget_multi = Calls::forget_multi;
    ops.getattr = Calls::getattr;
    ops.readlink = Calls::readlink;
    ops.open = Calls::open;
    ops.release = Calls::release;
    ops.opendir = Calls::opendir;
    ops.releasedir = Calls::release;
    ops.read = Calls::read;
    ops.readdir = Calls::readdir;
    ops.readdirplus = Calls::readdirplus;
    ops.statfs = Calls::statfs;
    ops.getxattr = Calls::getxattr;
    ops.listxattr = Calls::listxattr;
    ops.lseek = Calls::lseek;
    return ops;
  }();
  return table;
}

Filesystem::Filesystem(ServedSnapshots& snapshots, const MountStatus& status, RequestWatch& watch, Options options)
    : snapshots_(snapshots),
      status_(status),
      watch_(watch),
      options_(options),
      parked_(std::make_shared<ParkedRequests>()),
      turns_(kTurnThreads) {}

template <class... Parameters, class... Arguments>
void Filesystem::answer(fuse_req_t request, Turn (Filesystem::*operation)(fuse_req_t, InodeNumber, Parameters...),
                        InodeNumber inode, Arguments... arguments) {
  const WithoutWaiting::Arrivals none;
  const WithoutWaiting scope(none);
  if ((this->*operation)(request, inode, arguments...) == Turn::kOver) return;
  wait_and_try(request, inode, {scope.missing()}, [this, request, operation, inode, ... arguments = kept(arguments)] {
    return (this->*operation)(request, inode, arguments...);
  });
}

void Filesystem::wait_and_try(fuse_req_t request, InodeNumber inode, WithoutWaiting::Arrivals waited_for, Again again) {
  const auto ticket = park(request, inode);
  if (!ticket) return;
  const std::shared_ptr<Arrival> missing = waited_for.back();
  parked_->waits_for(*ticket, missing->id());
  missing->then([this, parked = parked_, request, inode, ticket = *ticket, waited_for = std::move(waited_for),
                 again = std::move(again)]() mutable {
    // No turn, no `this`: when nothing is parked any more, the filesystem may be gone.
    const auto turn = std::make_shared<ParkedRequests::Turn>(*parked, ticket);
    if (!*turn) return;
    turns_.post(Priority::kDemand, [this, parked = std::move(parked), turn, request, inode,
                                    waited_for = std::move(waited_for), again = std::move(again)] {
      RequestWatch::go_on(turn->note());
      take_turn(request, inode, waited_for, again);
    });
  });
}

void Filesystem::take_turn(fuse_req_t request, InodeNumber inode, const WithoutWaiting::Arrivals& waited_for,
                           const Again& again) {
  const WithoutWaiting scope(waited_for);
  if (again() == Turn::kOver) return;
  WithoutWaiting::Arrivals more = waited_for;
  more.push_back(scope.missing());
  wait_and_try(request, inode, std::move(more), again);
}

std::optional<ParkedRequests::Ticket> Filesystem::park(fuse_req_t request, InodeNumber inode) {
  const ParkedRequests::Ticket ticket = parked_->park(request, inode);
  registration = {request, false};
  fuse_req_interrupt_func(request, Calls::interrupted, reinterpret_cast<void*>(ticket));
  registration.request = nullptr;
  if (!registration.was_interrupted) return ticket;
  if (parked_->claim(ticket)) reply_error(request, EINTR);
  return std::nullopt;
}

Filesystem::Turn Filesystem::refuse(fuse_req_t request, const Error& error) {
  if (WithoutWaiting::is_reason_for(error)) return Turn::kWaits;
  reply_error(request, errno_of(error.code));
  return Turn::kOver;
}

// An inode that the kernel knows and we do not: from a file handle of another snapshot.
Filesystem::Turn Filesystem::refuse_inode(fuse_req_t request, const Error& error) {
  if (error.code != Code::kNotFound) return refuse(request, error);
  reply_error(request, ESTALE);
  return Turn::kOver;
}

// The answer to getxattr and listxattr, whose size may be asked first.
Filesystem::Turn Filesystem::reply_sized(fuse_req_t request, ByteView value, size_t size) {
  if (size == 0) {
    reply_size(request, value.size());
  } else if (value.size() > size) {
    reply_error(request, ERANGE);
  } else {
    reply_bytes(request, value.data(), value.size());
  }
  return Turn::kOver;
}

void Filesystem::init(fuse_conn_info& connection) {
  const auto want = [&](unsigned capability) {
    if ((connection.capable & capability) != 0) connection.want |= capability;
  };
  const auto avoid = [&](unsigned capability) { connection.want &= ~capability; };
  want(FUSE_CAP_ASYNC_READ);
  want(FUSE_CAP_PARALLEL_DIROPS);
  want(FUSE_CAP_READDIRPLUS);
  want(FUSE_CAP_CACHE_SYMLINKS);
  want(FUSE_CAP_EXPORT_SUPPORT);
  want(FUSE_CAP_EXPLICIT_INVAL_DATA);
  avoid(FUSE_CAP_READDIRPLUS_AUTO);  // attributes cost nothing on the way, and a request each later
  avoid(FUSE_CAP_AUTO_INVAL_DATA);
  avoid(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);  // measured: no gain, more jitter
  if (options_.acl) want(FUSE_CAP_POSIX_ACL);
  stateless_open_ = (connection.capable & FUSE_CAP_NO_OPEN_SUPPORT) != 0;
  stateless_opendir_ = (connection.capable & FUSE_CAP_NO_OPENDIR_SUPPORT) != 0;
  connection.max_write = kMaxRequestBytes;  // also sets how many pages a read may have
  connection.max_readahead = kMaxRequestBytes;
  connection.max_background = kMaxBackground;
  connection.congestion_threshold = kMaxBackground;
  connection.time_gran = 1;
}

Result<struct stat> Filesystem::stat_of(const Row& row, MountedSnapshot& in) {
  const Node& node = row->node;
  struct stat out {};
  out.st_ino = row->inode;
  const auto owner = options_.identities.owner_of(node.uid, node.gid, node.mode, node.is_directory());
  out.st_mode = type_bits(node.type) | owner.mode;
  out.st_nlink = row->nlink;
  out.st_uid = owner.user;
  out.st_gid = owner.group;
  out.st_size = static_cast<off_t>(node.is_directory() ? kBlockBytes : node.size_bytes);
  if (node.type == NodeType::kSymlink) out.st_size = static_cast<off_t>(node.target.size());  // programs allocate by it
  out.st_blksize = kBlockBytes;
  out.st_mtim = {node.mtime, static_cast<long>(node.mtime_ns)};
  out.st_atim = out.st_ctim = out.st_mtim;
  if (node.type == NodeType::kCharDevice || node.type == NodeType::kBlockDevice)
    out.st_rdev = makedev(node.device_major, node.device_minor);
  if (node.is_file()) {
    const uint64_t stored = TRY(in.data_bytes(row));
    out.st_blocks = static_cast<blkcnt_t>((stored + kBlockBytes - 1) / kBlockBytes * (kBlockBytes / 512));
  }
  return out;
}

Filesystem::Turn Filesystem::lookup(fuse_req_t request, InodeNumber directory, std::string_view wanted) {
  // "." and "..": a file server turns a handle of ours back into a file.
  if (wanted.size() > kMaxNameBytes) {
    reply_error(request, ENAMETOOLONG);
    return Turn::kOver;
  }
  const ServedSnapshots::Turn turn = snapshots_.begin_turn();
  const auto row = wanted == "."    ? snapshots_.row(turn, directory)
                   : wanted == ".." ? snapshots_.parent_of(turn, directory)
                                    : snapshots_.lookup(turn, directory, wanted);
  if (!row && row.error().code == Code::kNotFound && wanted != "." && wanted != "..") {
    fuse_entry_param missing{};
    missing.entry_timeout = kForever;
    reply_entry(request, missing);
    return Turn::kOver;
  }
  if (!row) return refuse_inode(request, row.error());
  const auto attributes = stat_of(row->row, *row->in);
  if (!attributes) return refuse(request, attributes.error());
  const fuse_entry_param entry = entry_for(*attributes);
  reply_entry(request, entry);
  return Turn::kOver;
}

Filesystem::Turn Filesystem::getattr(fuse_req_t request, InodeNumber inode) {
  const ServedSnapshots::Turn turn = snapshots_.begin_turn();
  const auto row = snapshots_.row(turn, inode);
  if (!row) return refuse_inode(request, row.error());
  const auto attributes = stat_of(row->row, *row->in);
  if (!attributes) return refuse(request, attributes.error());
  reply_attributes(request, *attributes, kForever);
  return Turn::kOver;
}

Filesystem::Turn Filesystem::readlink(fuse_req_t request, InodeNumber inode) {
  const ServedSnapshots::Turn turn = snapshots_.begin_turn();
  const auto row = snapshots_.row(turn, inode);
  if (!row) return refuse_inode(request, row.error());
  reply_link(request, row->row->node.target.c_str());
  return Turn::kOver;
}

void Filesystem::open(fuse_req_t request, fuse_file_info* file) {
  if (stateless_open_) {
    reply_error(request, ENOSYS);
    return;
  }
  file->keep_cache = 1;
  reply_open(request, file);
}

void Filesystem::opendir(fuse_req_t request, fuse_file_info* file) {
  if (stateless_opendir_) {
    reply_error(request, ENOSYS);
    return;
  }
  file->keep_cache = 1;
  file->cache_readdir = 1;
  reply_open(request, file);
}

Filesystem::Turn Filesystem::read(fuse_req_t request, InodeNumber inode, size_t size, off_t offset) {
  const ServedSnapshots::Turn turn = snapshots_.begin_turn();
  const auto file = snapshots_.row(turn, inode);
  if (!file) return refuse_inode(request, file.error());
  const auto plan = file->in->plan_read(file->row, static_cast<uint64_t>(offset), size);
  if (!plan) return refuse_inode(request, plan.error());
  const auto ticket = park(request, 0);
  if (!ticket) return Turn::kOver;
  take_waited_for();
  file->in->read(*plan, [parked = parked_, request, ticket = *ticket](Result<ByteView> bytes) {
    if (!parked->claim(ticket)) return;  // interrupted, and answered
    if (!bytes) {
      reply_error(request, errno_of(bytes.error().code));
    } else {
      reply_bytes(request, bytes->data(), bytes->size());
    }
  });
  if (const Digest object = take_waited_for(); !object.is_none()) parked_->waits_for(*ticket, object);
  return Turn::kOver;
}

Filesystem::Turn Filesystem::readdir(fuse_req_t request, InodeNumber directory, size_t size, off_t offset,
                                     Listing listing) {
  thread_local std::vector<char> buffer;
  if (buffer.size() < size) buffer.resize(size);
  size_t used = 0;
  const auto add = [&](const char* name, const struct stat& attributes, ListCookie cookie) {
    const off_t next = static_cast<off_t>(cookie);
    char* const at = buffer.data() + used;
    size_t needed = 0;
    if (listing == Listing::kPlus) {
      const fuse_entry_param entry = entry_for(attributes);
      needed = fuse_add_direntry_plus(request, at, size - used, name, &entry, next);
    } else {
      needed = fuse_add_direntry(request, at, size - used, name, &attributes, next);
    }
    if (needed > size - used) return false;
    used += needed;
    return true;
  };

  const ServedSnapshots::Turn turn = snapshots_.begin_turn();
  ListCookie after = static_cast<ListCookie>(offset);
  for (; after < 2; ++after) {  // "." and "..", which the kernel takes names and numbers from, nothing else
    const auto row = after == 0 ? snapshots_.row(turn, directory) : snapshots_.parent_of(turn, directory);
    if (!row) return refuse_inode(request, row.error());
    struct stat attributes {};
    attributes.st_ino = row->row->inode;
    attributes.st_mode = S_IFDIR;
    if (!add(after == 0 ? "." : "..", attributes, after + 1)) break;
  }
  const size_t at_most = (size - used) / (listing == Listing::kPlus ? kMinEntryPlusBytes : kMinEntryBytes) + 1;
  const auto part = snapshots_.list(turn, directory, after, at_most);
  if (!part) return refuse_inode(request, part.error());
  for (const Listed& listed : part->entries) {
    const auto attributes = stat_of(listed.row, *part->in);
    if (!attributes && &listed == &part->entries.front()) return refuse(request, attributes.error());
    if (!attributes) break;  // the next request begins with this one
    if (!add(listed.row->name.c_str(), *attributes, listed.cookie)) break;
  }
  reply_bytes(request, buffer.data(), used);
  return Turn::kOver;
}

void Filesystem::statfs(fuse_req_t request) {
  struct statvfs out {};
  out.f_bsize = out.f_frsize = kBlockBytes;
  const auto served = snapshots_.current();
  out.f_blocks = (served->snapshot->total_bytes() + kBlockBytes - 1) / kBlockBytes;
  out.f_files = served->snapshot->entry_count();
  out.f_namemax = kMaxNameBytes;
  reply_statfs(request, out);
}

// What user.granary.KEY says of an entry. Never listed, so that nobody copies it with the file.
Result<std::optional<Bytes>> Filesystem::own_xattr(const ServedSnapshots::Located& of, std::string_view key) {
  const Row& row = of.row;
  const Node& node = row->node;
  if (row->inode == kRootInode) {
    if (auto word = status_.word(key)) return word;
  }
  if (key == "inode") return std::optional(std::to_string(row->inode));
  if (key == "digest" && !node.digest.is_none()) return std::optional(node.digest.hex());
  if (key == "tree_digest" && node.is_directory()) return std::optional(tree_digest(node).hex());
  if (key != "objects" || !node.is_file()) return std::optional<Bytes>();
  Bytes lines;
  size_t listed = 0;
  for (const ObjectId& id : TRY(of.in->objects(row))) {
    if (++listed > kMaxListedObjects) return std::optional(lines + "...\n");
    lines += id.hex() + "\n";
  }
  return std::optional(std::move(lines));
}

Filesystem::Turn Filesystem::getxattr(fuse_req_t request, InodeNumber inode, std::string_view wanted, size_t size) {
  const ServedSnapshots::Turn turn = snapshots_.begin_turn();
  const auto row = snapshots_.row(turn, inode);
  if (!row) return refuse_inode(request, row.error());
  if (wanted.starts_with(kOwnPrefix)) {
    const auto value = own_xattr(*row, wanted.substr(kOwnPrefix.size()));
    if (!value) return refuse(request, value.error());
    if (*value) return reply_sized(request, **value, size);
  }
  for (const Xattr& xattr : row->row->node.xattrs) {
    if (xattr.name != wanted) continue;
    const bool is_acl = wanted.starts_with(kAclPrefix) && !options_.identities.empty();
    return reply_sized(request, is_acl ? options_.identities.acl(xattr.value) : xattr.value, size);
  }
  reply_error(request, ENODATA);
  return Turn::kOver;
}

Filesystem::Turn Filesystem::listxattr(fuse_req_t request, InodeNumber inode, size_t size) {
  const ServedSnapshots::Turn turn = snapshots_.begin_turn();
  const auto row = snapshots_.row(turn, inode);
  if (!row) return refuse_inode(request, row.error());
  const bool sees_trusted = fuse_req_ctx(request)->uid == 0;
  Bytes names;
  for (const Xattr& xattr : row->row->node.xattrs) {
    if (!sees_trusted && xattr.name.starts_with("trusted.")) continue;
    names += xattr.name + '\0';
  }
  return reply_sized(request, names, size);
}

Filesystem::Turn Filesystem::lseek(fuse_req_t request, InodeNumber inode, off_t offset, int whence) {
  if (whence != SEEK_DATA && whence != SEEK_HOLE) {
    reply_error(request, EINVAL);
    return Turn::kOver;
  }
  const ServedSnapshots::Turn turn = snapshots_.begin_turn();
  const auto row = snapshots_.row(turn, inode);
  if (!row) return refuse_inode(request, row.error());
  const auto sought = whence == SEEK_DATA ? MountedSnapshot::Sought::kData : MountedSnapshot::Sought::kHole;
  const auto found = row->in->seek(row->row, static_cast<uint64_t>(offset), sought);
  if (!found) return refuse(request, found.error());
  if (!*found) {
    reply_error(request, ENXIO);
    return Turn::kOver;
  }
  reply_offset(request, static_cast<off_t>(**found));
  return Turn::kOver;
}

}  // namespace granary
