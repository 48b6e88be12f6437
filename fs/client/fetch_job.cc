#include "fs/client/fetch_job.h"

#include <optional>

namespace granary {

struct FetchJob::Shared {
  mutable Mutex mutex;
  std::condition_variable changed;
  bool stopped GUARDED_BY(mutex) = false;
  Progress progress GUARDED_BY(mutex);

  // Of one `fetch`, or one `read`.
  struct Round {
    size_t in_flight = 0;
    std::vector<std::pair<size_t, Error>> failures;
    std::vector<std::pair<size_t, uint64_t>> sizes;
  };
  using RoundPtr = std::shared_ptr<Round>;

  void arrived(Round& round, size_t index, const Result<ObjectHandle>& object) {
    const MutexLock lock(mutex);
    --round.in_flight;
    if (object) {
      ++progress.done;
      progress.bytes += object->size_bytes();
      round.sizes.emplace_back(index, object->size_bytes());
    } else {
      ++progress.failed;
      round.failures.emplace_back(index, object.error());
    }
    changed.notify_all();
  }
};

FetchJob::FetchJob(Fetcher& fetcher, Priority priority, size_t window)
    : fetcher_(fetcher), priority_(priority), window_(window), shared_(std::make_shared<Shared>()) {}

std::vector<FetchJob::Missing> FetchJob::fetch(std::vector<WalkedObject>& objects, const Before& before) {
  const auto round = std::make_shared<Shared::Round>();
  for (size_t i = 0; i < objects.size(); ++i) {
    {
      MutexLock lock(shared_->mutex);
      while (!shared_->stopped && round->in_flight >= window_) lock.wait(shared_->changed);
      if (shared_->stopped) break;
    }
    if (before && !before()) break;
    {
      const MutexLock lock(shared_->mutex);
      ++round->in_flight;
    }
    fetcher_.fetch(objects[i].id, priority_, [shared = shared_, round, i](const Result<ObjectHandle>& object) {
      shared->arrived(*round, i, object);
    });
  }
  std::vector<Missing> missing;
  MutexLock lock(shared_->mutex);
  while (!shared_->stopped && round->in_flight > 0) lock.wait(shared_->changed);
  for (const auto& [index, size_bytes] : round->sizes) objects[index].size_bytes = size_bytes;
  for (const auto& [index, error] : round->failures) missing.push_back({objects[index], error});
  return missing;
}

Result<SharedBytes> FetchJob::read(const ObjectId& id) {
  struct Answer {
    std::optional<Result<ObjectHandle>> object;
  };
  const auto answer = std::make_shared<Answer>();
  fetcher_.fetch(id, priority_, [shared = shared_, answer](Result<ObjectHandle> object) {
    const MutexLock lock(shared->mutex);
    answer->object = std::move(object);
    shared->changed.notify_all();
  });
  MutexLock lock(shared_->mutex);
  while (!shared_->stopped && !answer->object) lock.wait(shared_->changed);
  if (!answer->object) return Error{Code::kUnavailable, "stopped"};
  const ObjectHandle handle = TRY(*answer->object);
  return handle.whole();
}

void FetchJob::stop() {
  const MutexLock lock(shared_->mutex);
  shared_->stopped = true;
  shared_->changed.notify_all();
}

bool FetchJob::stopped() const {
  const MutexLock lock(shared_->mutex);
  return shared_->stopped;
}

bool FetchJob::pause(std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  MutexLock lock(shared_->mutex);
  while (!shared_->stopped && lock.wait_until(shared_->changed, until)) {
  }
  return !shared_->stopped;
}

FetchJob::Progress FetchJob::progress() const {
  const MutexLock lock(shared_->mutex);
  return shared_->progress;
}

}  // namespace granary
