#include "server/transaction.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <filesystem>

#include "fs/base/file.h"
#include "fs/base/program.h"
#include "server/content_index.h"
#include "server/ingest.h"
#include "server/object_pipeline.h"
#include "server/overlay_source.h"

namespace granary {

namespace {
constexpr size_t kMaxInfoBytes = 1 << 20;

// Its standard error is ours; it ends with one of our codes when it is one of our programs.
Status run_mount_program(std::vector<std::string> words) {
  const std::string name = words[0];
  Program program;
  program.words = std::move(words);
  const ProgramEnd end = TRY(run_program(program));
  if (end.ok()) return Done{};
  return Error{end.status < 128 ? static_cast<Code>(end.status) : Code::kInternal, name + " failed"};
}

bool is_mounted(const std::string& path) {
  struct stat here {
  }, above{};
  if (::lstat(path.c_str(), &here) != 0) return errno != ENOENT;  // a dead mount answers with an error
  return ::lstat((path + "/..").c_str(), &above) == 0 && here.st_dev != above.st_dev;
}

Status unmount(const std::string& path) {
  if (!is_mounted(path) || ::umount2(path.c_str(), UMOUNT_NOFOLLOW) == 0 || errno == EINVAL) return Done{};
  if (errno == EBUSY)
    return Error{Code::kBusy,
                 str(printable(path), " is in use: leave the directory, stop what works there (`fuser -vm ",
                     printable(path), "`), and try again")};
  return system_error(errno, "cannot unmount " + printable(path));
}

// The merged root shows the attributes of the upper layer's: they start as the base has them.
Status dress(const std::string& directory, const Node& node) {
  const std::string what = "cannot prepare " + printable(directory);
  if (::chown(directory.c_str(), node.uid, node.gid) != 0 || ::chmod(directory.c_str(), node.mode) != 0)
    return system_error(errno, what);
  for (const Xattr& xattr : node.xattrs) {
    if (::lsetxattr(directory.c_str(), xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0) != 0)
      return system_error(errno, what);
  }
  const timespec times[2] = {{0, UTIME_OMIT}, {node.mtime, static_cast<long>(node.mtime_ns)}};
  if (::utimensat(AT_FDCWD, directory.c_str(), times, 0) != 0) return system_error(errno, what);
  return Done{};
}

std::string new_id() {
  std::string id = format_utc(Clock::system().now());
  id.erase(std::remove_if(id.begin(), id.end(), [](char c) { return c == ':' || c == '-'; }), id.end());
  return str(id, "-", ::getpid());
}

Status check_mountpoint(const std::string& path) {
  std::error_code failure;
  if (!std::filesystem::is_directory(path, failure))
    return Error{Code::kInvalid, str(printable(path), " is not a directory to mount on: make it first")};
  if (is_mounted(path)) return Error{Code::kBusy, "something is mounted on " + printable(path) + " already"};
  return Done{};
}
}  // namespace

Result<Transaction> Transaction::begin(Repository& repository, const TransactionOptions& options) {
  if (::geteuid() != 0)
    return Error{Code::kPermission,
                 "a transaction needs root, because it mounts an overlay; `granary publish --path` does not"};
  TRY(check_mountpoint(options.mountpoint));
  const RepositoryState state = TRY(repository.read());
  const Statement base = TRY(state.branch(options.branch));

  Transaction transaction;
  transaction.id_ = new_id();
  transaction.directory_ = repository.private_path("transactions/" + transaction.id_);
  transaction.mountpoint_ = std::filesystem::absolute(options.mountpoint).lexically_normal().string();
  transaction.branch_ = options.branch;
  transaction.base_ = base.snapshot;
  transaction.base_statement_ = base.serialise();
  const auto lay = [&]() -> Status {
    for (const char* part : {"/lower", "/upper", "/work"}) TRY(make_directories(transaction.directory_ + part, 0700));
    const auto catalog = TRY(Catalog::open(base.catalog, repository.objects()));
    TRY(dress(transaction.directory_ + "/upper", TRY(catalog->root()).node));
    TRY(transaction.save());
    TRY(transaction.mount_lower(repository, options.mount_program));
    return transaction.mount_overlay();
  };
  if (const Status laid = lay(); !laid) {
    static_cast<void>(transaction.abort());
    return laid.error().within("cannot begin a transaction");
  }
  return transaction;
}

Result<std::vector<Transaction>> Transaction::list(Repository& repository) {
  std::vector<std::string> directories;
  std::error_code failure;
  for (const auto& item : std::filesystem::directory_iterator(repository.private_path("transactions"), failure))
    directories.push_back(item.path().string());
  std::sort(directories.begin(), directories.end());
  std::vector<Transaction> transactions;
  for (const std::string& directory : directories) {
    auto transaction = load(directory);
    if (!transaction && transaction.error().code == Code::kNotFound) continue;  // died before it had begun
    transactions.push_back(TRY(std::move(transaction)));
  }
  return transactions;
}

Result<Transaction> Transaction::load(const std::string& directory) {
  const Bytes bytes = TRY(read_file(directory + "/info.json", kMaxInfoBytes));
  const JsonValue info = TRY(parse_document(bytes, kMaxInfoBytes, "transaction", {}));
  const JsonReader members(*info.object(), "transaction " + directory);
  Transaction transaction;
  transaction.directory_ = directory;
  transaction.id_ = std::filesystem::path(directory).filename().string();
  transaction.mountpoint_ = TRY(members.base64("mountpoint"));
  transaction.branch_ = TRY(members.text("branch"));
  transaction.base_ = TRY(members.digest("base"));
  transaction.base_statement_ = TRY(members.base64("statement"));
  return transaction;
}

Status Transaction::save() const {
  JsonValue::Object info = new_document("transaction");
  info.emplace("mountpoint", to_base64(mountpoint_));
  info.emplace("branch", branch_);
  info.emplace("base", base_.hex());
  info.emplace("statement", to_base64(base_statement_));
  return replace_file(directory_ + "/info.json", JsonValue(info).canonical(), 0600, Durability::kDurable);
}

Status Transaction::mount_lower(const Repository& repository, const std::string& mount_program) const {
  if (is_mounted(directory_ + "/lower")) return Done{};
  const std::string url = "file://" + std::filesystem::canonical(repository.directory()).string();
  return run_mount_program({mount_program, url, directory_ + "/lower", "--snapshot", base_.hex(), "--trust",
                            repository.private_path("trust.json"), "--cache", repository.private_path("cache"), "-o",
                            "allow_other,suid,dev"});
}

// The layers are named relative to the transaction's directory, so that no path needs quoting for the kernel.
Status Transaction::mount_overlay() const {
  const UniqueFd here = TRY(open_file(".", O_RDONLY | O_DIRECTORY));
  if (::chdir(directory_.c_str()) != 0) return system_error(errno, "cannot enter " + printable(directory_));
  // index: a hard link that is written to stays one. The others keep the upper layer free of riddles.
  constexpr const char* kOptions = "lowerdir=lower,upperdir=upper,workdir=work,index=on,redirect_dir=off,metacopy=off";
  const int failed = ::mount("granary", mountpoint_.c_str(), "overlay", 0, kOptions) == 0 ? 0 : errno;
  if (::fchdir(here.get()) != 0) return system_error(errno, "cannot return to the working directory");
  if (failed != 0) return system_error(failed, "cannot mount the overlay on " + printable(mountpoint_));
  return Done{};
}

Status Transaction::unmount_overlay() const { return unmount(mountpoint_); }
Status Transaction::unmount_lower() const { return unmount(directory_ + "/lower"); }

Result<Published> Transaction::commit(Repository& repository, const PublishOptions& options,
                                      const std::string& mount_program) {
  TRY(unmount_overlay());
  PublishOptions how = options;
  how.branch = branch_;
  auto published = publish_upper(repository, how);
  if (!published) {
    static_cast<void>(mount_lower(repository, mount_program));  // after a reboot it is not there
    const Status back = mount_overlay();
    return back ? published.error() : published.error().within(back.error().message);
  }
  TRY(unmount_lower());
  TRY(remove_tree(directory_));
  return published;
}

Result<Published> Transaction::publish_upper(Repository& repository, const PublishOptions& options) const {
  const Statement base = TRY(Statement::parse(base_statement_));
  const unsigned jobs = options.jobs != 0 ? options.jobs : 2;
  const auto staging = TRY(Staging::begin(repository.directory()));
  ObjectPipeline writer(*staging, options.encoding, jobs);
  const auto catalog = TRY(Catalog::open(base.catalog, writer));
  const auto index = TRY(ContentIndex::open(repository.private_path("index"), *staging, staging->scratch()));
  TRY(index->prepare(*catalog));
  const auto source = TRY(OverlaySource::open(directory_ + "/upper", repository.directory()));
  const Ingested ingested = TRY(ingest(*source, writer, index.get(), nullptr, catalog.get(), {jobs, {}, {}}));
  TRY(staging->commit());
  const StoredContents stored{staging.get(), index.get(), writer.counters().new_plain_bytes};
  Published published = TRY(publish_changes(repository, options, ingested.changes, base, stored));
  published.files_read = ingested.counters.files_read;
  published.new_objects += writer.counters().new_objects;
  published.new_bytes += writer.counters().new_bytes;
  return published;
}

Status Transaction::abort() {
  TRY(unmount_overlay());
  TRY(unmount_lower());
  return remove_tree(directory_);
}

}  // namespace granary
