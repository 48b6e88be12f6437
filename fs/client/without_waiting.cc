#include "fs/client/without_waiting.h"

#include <algorithm>

namespace granary {

std::shared_ptr<Arrival> Arrival::of(const ObjectId& id, Fetcher& fetcher) {
  auto arrival = std::make_shared<Arrival>(id);
  ask(arrival, fetcher, Try::kFirst);
  return arrival;
}

void Arrival::ask(const std::shared_ptr<Arrival>& arrival, Fetcher& fetcher, Try which) {
  fetcher.fetch(arrival->id_, ScopedPriority::of_this_thread(), [=, &fetcher](const Result<ObjectHandle>& object) {
    if (!object) return arrival->bring(object.error());
    auto bytes = object->whole();
    if (bytes || which == Try::kLast) return arrival->bring(std::move(bytes));
    fetcher.discard(arrival->id_);  // the cache's disk lost it
    ask(arrival, fetcher, Try::kLast);
  });
}

std::optional<Result<SharedBytes>> Arrival::result() const {
  const MutexLock lock(mutex_);
  return result_;
}

void Arrival::then(std::function<void()> go_on) {
  {
    const MutexLock lock(mutex_);
    if (!result_) {
      waiters_.push_back(std::move(go_on));
      return;
    }
  }
  go_on();
}

void Arrival::bring(Result<SharedBytes> result) {
  std::vector<std::function<void()>> waiters;
  {
    const MutexLock lock(mutex_);
    result_ = std::move(result);
    waiters.swap(waiters_);
  }
  for (const auto& go_on : waiters) go_on();
}

Result<SharedBytes> WithoutWaiting::read(const ObjectId& id, Fetcher& fetcher) {
  for (const auto& arrival : before_) {
    if (arrival->id() == id) return *arrival->result();
  }
  auto arrival = Arrival::of(id, fetcher);
  if (auto result = arrival->result()) return *std::move(result);
  return wait_for(std::move(arrival));
}

Error WithoutWaiting::wait_for(std::shared_ptr<Arrival> arrival) {
  missing_ = std::move(arrival);
  return {Code::kUnavailable, "not at hand yet"};
}

bool WithoutWaiting::has_waited_for(const Arrival& arrival) const {
  return std::any_of(before_.begin(), before_.end(), [&](const auto& each) { return each.get() == &arrival; });
}

}  // namespace granary
