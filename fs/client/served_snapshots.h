// ServedSnapshots: the snapshot that a mount serves, and the former ones, which go on answering for what is still open
// of them: an inode number names one content for ever, so that whoever knows the number may answer.
//
// A request is answered within a Turn, from one snapshot throughout. A switch replaces the current snapshot in one
// step; `drain` returns when nothing more is answered from the one before, so that what the kernel is told to forget
// then cannot come back. A turn never waits, so neither does `drain` for long.
//
// The last kMostFormer snapshots are kept by name, each opened when it is first asked for. Safe from many threads;
// switches come one at a time. Borrows the fetcher.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fs/client/mounted_snapshot.h"
#include "fs/client/repository_view.h"
#include "fs/client/without_waiting.h"
#include "fs/net/worker_pool.h"

namespace granary {

class ServedSnapshots {
 public:
  static constexpr size_t kMostFormer = 64;

  struct Served {
    Served(ResolvedSnapshot what, std::shared_ptr<MountedSnapshot> where)
        : resolved(std::move(what)), snapshot(std::move(where)) {}
    const ResolvedSnapshot resolved;
    const std::shared_ptr<MountedSnapshot> snapshot;
    std::atomic<size_t> turns{0};
  };

  class Turn {
   public:
    explicit Turn(std::shared_ptr<Served> served) : served_(std::move(served)) {}
    ~Turn() { served_->turns.fetch_sub(1, std::memory_order_acq_rel); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    const std::shared_ptr<MountedSnapshot>& snapshot() const { return served_->snapshot; }

   private:
    const std::shared_ptr<Served> served_;
  };

  // `former`: newest first.
  ServedSnapshots(Fetcher& fetcher, ResolvedSnapshot resolved, std::shared_ptr<MountedSnapshot> snapshot,
                  std::vector<ResolvedSnapshot> former = {});

  std::shared_ptr<Served> current() const;
  std::vector<ResolvedSnapshot> former() const;  // newest first
  Turn begin_turn() const;

  // Below: as MountedSnapshot, from the turn's snapshot or else from the newest former one that knows the number.
  // WithoutWaiting, a former one that is not open yet is on its way like an object.

  struct Located {
    Row row;
    std::shared_ptr<MountedSnapshot> in;
  };
  Result<Located> row(const Turn& turn, InodeNumber inode);
  Result<Located> parent_of(const Turn& turn, InodeNumber directory);
  Result<Located> lookup(const Turn& turn, InodeNumber directory, ByteView name);
  // A cookie whose entry is gone means the same place by its name.
  struct Listing {
    std::vector<Listed> entries;
    std::shared_ptr<MountedSnapshot> in;
  };
  Result<Listing> list(const Turn& turn, InodeNumber directory, ListCookie after, size_t at_most);

  // From now on turns begin on `next`; the one before becomes the newest former one. Returns it.
  std::shared_ptr<Served> switch_to(ResolvedSnapshot resolved, std::shared_ptr<MountedSnapshot> next);
  static void drain(const Served& before);

  // A snapshot that is mounted or was; opens it, waiting, if need be. kNotFound: it is neither.
  Result<std::shared_ptr<MountedSnapshot>> open_known(const SnapshotId& id);

  static MountedSnapshot::Names names_of(const ResolvedSnapshot& resolved);

 private:
  class Former;
  using FormerList = std::vector<std::shared_ptr<Former>>;

  std::shared_ptr<const FormerList> former_list() const;
  // The current one's answer, unless that is kNotFound and a former one has another.
  template <class Ask>
  auto first_to_know(const Turn& turn, const Ask& ask) -> decltype(ask(turn.snapshot()));

  Fetcher& fetcher_;
  const std::shared_ptr<Observations> observations_;
  mutable Mutex mutex_;
  std::shared_ptr<Served> current_ GUARDED_BY(mutex_);
  std::shared_ptr<const FormerList> former_ GUARDED_BY(mutex_);
  WorkerPool openings_;  // last: its jobs use the others
};

}  // namespace granary
