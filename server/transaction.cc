#include "server/transaction.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "fs/base/file.h"
#include "fs/base/unique_name.h"
#include "server/overlay_mount.h"

namespace granary {

namespace {
constexpr size_t kMaxInfoBytes = 1 << 20;

std::string new_id() {
  std::string id = format_utc(Clock::system().now());
  id.erase(std::remove_if(id.begin(), id.end(), [](char c) { return c == ':' || c == '-'; }), id.end());
  return str(id, "-", unique_name());
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
    const auto catalog = TRY(Catalog::open(base.catalog, repository.objects()));
    TRY(lay_overlay(transaction.directory_, *catalog));
    TRY(transaction.save());
    TRY(transaction.mount_lower(repository, options.mount_program));
    return transaction.mount_merged();
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
  return mount_snapshot(repository, base_, directory_ + "/lower", mount_program);
}

Status Transaction::mount_merged() const { return mount_overlay({directory_, mountpoint_, true}); }

Status Transaction::unmount_overlay() const { return unmount(mountpoint_); }
Status Transaction::unmount_lower() const { return unmount(directory_ + "/lower"); }

Result<Published> Transaction::commit(Repository& repository, const PublishOptions& options,
                                      const std::string& mount_program) {
  const Statement base = TRY(Statement::parse(base_statement_));
  TRY(unmount_overlay());
  PublishOptions how = options;
  how.branch = branch_;
  auto published = publish_overlay(repository, how, directory_ + "/upper", base);
  if (!published) {
    static_cast<void>(mount_lower(repository, mount_program));  // after a reboot it is not there
    const Status back = mount_merged();
    return back ? published.error() : published.error().within(back.error().message);
  }
  TRY(unmount_lower());
  TRY(remove_tree(directory_));
  return published;
}

Status Transaction::abort() {
  TRY(unmount_overlay());
  TRY(unmount_lower());
  return remove_tree(directory_);
}

}  // namespace granary
