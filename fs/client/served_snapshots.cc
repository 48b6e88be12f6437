#include "fs/client/served_snapshots.h"

#include <algorithm>
#include <thread>

namespace granary {

namespace {
constexpr std::chrono::milliseconds kTurnsTake{1};
}  // namespace

// Known by name; opened on a thread of its own when it is asked for, and again after a failure.
class ServedSnapshots::Former : public std::enable_shared_from_this<Former> {
 public:
  Former(ResolvedSnapshot resolved, Fetcher& fetcher, std::shared_ptr<Observations> observations)
      : resolved_(std::move(resolved)), fetcher_(fetcher), observations_(std::move(observations)) {}

  const ResolvedSnapshot& resolved() const { return resolved_; }

  Result<std::shared_ptr<MountedSnapshot>> opened(WorkerPool& pool) {
    WithoutWaiting* const hurry = WithoutWaiting::of_this_thread();
    if (hurry == nullptr) return open_now();
    std::shared_ptr<Arrival> opening;
    bool is_new = false;
    {
      const MutexLock lock(mutex_);
      if (snapshot_) return snapshot_;
      if (opening_ && hurry->has_waited_for(*opening_)) return *failure_;
      is_new = opening_ == nullptr || opening_->result();
      if (is_new) opening_ = std::make_shared<Arrival>(ObjectId());
      opening = opening_;
    }
    if (is_new) pool.post(Priority::kDemand, [self = shared_from_this(), opening] { self->open_for(*opening); });
    return hurry->wait_for(opening);
  }

  Result<std::shared_ptr<MountedSnapshot>> open_now() {
    {
      const MutexLock lock(mutex_);
      if (snapshot_) return snapshot_;
    }
    std::shared_ptr<MountedSnapshot> snapshot = TRY(MountedSnapshot::open(
        resolved_.snapshot.catalog, fetcher_, names_of(resolved_), MountedSnapshot::Role::kFormer, observations_));
    const MutexLock lock(mutex_);
    if (!snapshot_) snapshot_ = std::move(snapshot);
    return snapshot_;
  }

 private:
  void open_for(Arrival& opening) {
    const auto snapshot = open_now();
    {
      const MutexLock lock(mutex_);
      if (!snapshot) failure_ = snapshot.error().within("a snapshot that was mounted before cannot be read");
    }
    opening.bring(SharedBytes());
  }

  const ResolvedSnapshot resolved_;
  Fetcher& fetcher_;
  const std::shared_ptr<Observations> observations_;
  Mutex mutex_;
  std::shared_ptr<MountedSnapshot> snapshot_ GUARDED_BY(mutex_);
  std::shared_ptr<Arrival> opening_ GUARDED_BY(mutex_);
  std::optional<Error> failure_ GUARDED_BY(mutex_);  // of the newest opening
};

ServedSnapshots::ServedSnapshots(Fetcher& fetcher, ResolvedSnapshot resolved, std::shared_ptr<MountedSnapshot> snapshot,
                                 std::vector<ResolvedSnapshot> former)
    : fetcher_(fetcher),
      observations_(snapshot->observations()),
      current_(std::make_shared<Served>(std::move(resolved), std::move(snapshot))),
      openings_(1) {
  auto list = std::make_shared<FormerList>();
  for (ResolvedSnapshot& one : former)
    list->push_back(std::make_shared<Former>(std::move(one), fetcher_, observations_));
  former_ = std::move(list);
}

std::shared_ptr<ServedSnapshots::Served> ServedSnapshots::current() const {
  const MutexLock lock(mutex_);
  return current_;
}

ServedSnapshots::Turn ServedSnapshots::begin_turn() const {
  const MutexLock lock(mutex_);
  current_->turns.fetch_add(1, std::memory_order_relaxed);  // under the lock: whoever switches counts us or we see it
  return Turn(current_);
}

std::shared_ptr<const ServedSnapshots::FormerList> ServedSnapshots::former_list() const {
  const MutexLock lock(mutex_);
  return former_;
}

std::vector<ResolvedSnapshot> ServedSnapshots::former() const {
  std::vector<ResolvedSnapshot> out;
  for (const auto& former : *former_list()) out.push_back(former->resolved());
  return out;
}

template <class Ask>
auto ServedSnapshots::first_to_know(const Turn& turn, const Ask& ask) -> decltype(ask(turn.snapshot())) {
  auto answer = ask(turn.snapshot());
  if (answer || answer.error().code != Code::kNotFound) return answer;
  for (const auto& former : *former_list()) {
    const auto snapshot = TRY(former->opened(openings_));
    auto older = ask(snapshot);
    if (older || older.error().code != Code::kNotFound) return older;
  }
  return answer;
}

Result<ServedSnapshots::Located> ServedSnapshots::row(const Turn& turn, InodeNumber inode) {
  return first_to_know(turn, [&](const std::shared_ptr<MountedSnapshot>& in) -> Result<Located> {
    return Located{TRY(in->row(inode)), in};
  });
}

Result<ServedSnapshots::Located> ServedSnapshots::parent_of(const Turn& turn, InodeNumber directory) {
  return first_to_know(turn, [&](const std::shared_ptr<MountedSnapshot>& in) -> Result<Located> {
    return Located{TRY(in->parent_of(directory)), in};
  });
}

Result<ServedSnapshots::Located> ServedSnapshots::lookup(const Turn& turn, InodeNumber directory, ByteView name) {
  auto found = turn.snapshot()->lookup(directory, name);
  if (found) return Located{*std::move(found), turn.snapshot()};
  if (found.error().code != Code::kNotFound || former_list()->empty()) return found.error();
  const Located above = TRY(row(turn, directory));  // the name is missing; or the directory is of a former snapshot
  if (above.in == turn.snapshot()) return found.error();
  return Located{TRY(above.in->lookup(directory, name)), above.in};
}

Result<ServedSnapshots::Listing> ServedSnapshots::list(const Turn& turn, InodeNumber directory, ListCookie after,
                                                       size_t at_most) {
  const auto former = former_list();
  const auto in = former->empty() ? turn.snapshot() : TRY(row(turn, directory)).in;
  auto entries = in->list(directory, after, at_most);
  if (entries || entries.error().code != Code::kInvalid) return Listing{TRY(std::move(entries)), in};
  for (const auto& one : *former) {
    const auto name = TRY(one->opened(openings_))->name_of_cookie(directory, after);
    if (name) return Listing{TRY(in->list_behind(directory, *name, at_most)), in};
    if (name.error().code != Code::kInvalid) return name.error();
  }
  return entries.error();
}

std::shared_ptr<ServedSnapshots::Served> ServedSnapshots::switch_to(ResolvedSnapshot resolved,
                                                                    std::shared_ptr<MountedSnapshot> next) {
  auto served = std::make_shared<Served>(std::move(resolved), std::move(next));
  const MutexLock lock(mutex_);
  auto list = std::make_shared<FormerList>(*former_);
  const SnapshotId new_id = served->resolved.id;
  const SnapshotId old_id = current_->resolved.id;
  std::erase_if(*list, [&](const auto& one) { return one->resolved().id == new_id || one->resolved().id == old_id; });
  list->insert(list->begin(), std::make_shared<Former>(current_->resolved, fetcher_, observations_));
  if (list->size() > kMostFormer) list->resize(kMostFormer);
  former_ = std::move(list);
  return std::exchange(current_, std::move(served));
}

void ServedSnapshots::drain(const Served& before) {
  while (before.turns.load(std::memory_order_acquire) != 0) std::this_thread::sleep_for(kTurnsTake);
}

Result<std::shared_ptr<MountedSnapshot>> ServedSnapshots::open_known(const SnapshotId& id) {
  if (const auto served = current(); served->resolved.id == id) return served->snapshot;
  for (const auto& former : *former_list()) {
    if (former->resolved().id == id) return former->open_now();
  }
  return Error{Code::kNotFound, str("snapshot ", id.brief(), " is not mounted, nor was it lately")};
}

MountedSnapshot::Names ServedSnapshots::names_of(const ResolvedSnapshot& resolved) {
  return {resolved.repository_name, resolved.url};
}

}  // namespace granary
