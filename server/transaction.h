// Transaction: a writable view of a branch, edited in place and then published. Below, the branch is mounted read-only
// by the mount program; above lies an overlay whose upper layer takes every change, so that a commit looks at what was
// touched and nothing else. Kept in .granary/transactions/ID of the repository; survives the process that began it, and
// a reboot. Needs root (overlayfs). One process at a time works on a transaction.
#pragma once

#include <string>
#include <vector>

#include "server/publisher.h"

namespace granary {

struct TransactionOptions {
  std::string mountpoint;  // where to edit; an empty directory
  std::string branch = "main";
  std::string mount_program;  // granary-mount
};

class Transaction {
 public:
  // Mounts the branch and the overlay over it.
  //   kPermission  not root
  //   kNotFound    no such branch
  //   kBusy        something is mounted there already
  static Result<Transaction> begin(Repository& repository, const TransactionOptions& options);

  // The open transactions of a repository, oldest first.
  static Result<std::vector<Transaction>> list(Repository& repository);

  const std::string& id() const { return id_; }
  const std::string& mountpoint() const { return mountpoint_; }
  const std::string& branch() const { return branch_; }
  const SnapshotId& base() const { return base_; }

  // Publishes what was changed, and ends the transaction. When that fails it goes on as before, mounted and with every
  // change in place.
  //   kBusy      somebody still works below the mount point
  //   kConflict  the branch was changed meanwhile in the same places
  Result<Published> commit(Repository& repository, const PublishOptions& options, const std::string& mount_program);

  // Forgets every change.
  Status abort();

 private:
  Transaction() = default;
  static Result<Transaction> load(const std::string& directory);
  Status save() const;
  Status mount_lower(const Repository& repository, const std::string& mount_program) const;
  Status mount_merged() const;
  Status unmount_overlay() const;
  Status unmount_lower() const;

  std::string directory_;  // .granary/transactions/ID
  std::string id_;
  std::string mountpoint_;
  std::string branch_;
  SnapshotId base_;
  Bytes base_statement_;  // the payload of the branch's statement when it began
};

}  // namespace granary
