// RecentObjects: the last few objects that the cache could not take, in memory, so that reading one piece by piece
// does not fetch it piece by piece. RecentFailures: errors that are repeated for a moment, longer each time, so that
// what cannot be had is not asked for in a storm. Neither locks.
#pragma once

#include <algorithm>
#include <list>
#include <optional>
#include <unordered_map>

#include "fs/format/object.h"
#include "fs/net/priority.h"

namespace granary {

class RecentObjects {
 public:
  explicit RecentObjects(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  void add(const ObjectId& id, SharedBytes bytes) {
    remove(id);
    bytes_ += bytes->size();
    newest_first_.emplace_front(id, std::move(bytes));
    places_[id] = newest_first_.begin();
    while (bytes_ > limit_bytes_) remove(ObjectId(newest_first_.back().first));
  }
  SharedBytes find(const ObjectId& id) {
    const auto place = places_.find(id);
    if (place == places_.end()) return nullptr;
    newest_first_.splice(newest_first_.begin(), newest_first_, place->second);
    return place->second->second;
  }
  void remove(const ObjectId& id) {
    const auto place = places_.find(id);
    if (place == places_.end()) return;
    bytes_ -= place->second->second->size();
    newest_first_.erase(place->second);
    places_.erase(place);
  }

 private:
  using List = std::list<std::pair<ObjectId, SharedBytes>>;
  const size_t limit_bytes_;
  size_t bytes_ = 0;
  List newest_first_;
  std::unordered_map<ObjectId, List::iterator> places_;
};

class RecentFailures {
 public:
  using Pause = std::chrono::milliseconds;
  // `first`: how long a failure is repeated; doubled with each in a row, up to `longest`.
  RecentFailures(Pause first, Pause longest) : first_(first), longest_(std::max(first, longest)) {}

  // `epoch`: grows when sources recover; what was unavailable before may be had after.
  void add(const ObjectId& id, const Error& error, uint64_t epoch) {
    const auto now = std::chrono::steady_clock::now();
    if (failures_.size() >= kMany)
      std::erase_if(failures_, [&](const auto& entry) { return entry.second.until + longest_ <= now; });
    const auto place = failures_.find(id);
    const bool again = place != failures_.end() && place->second.epoch == epoch;
    const Pause pause = again ? std::min(2 * place->second.pause, longest_) : first_;
    failures_.insert_or_assign(id, Failure{error, now + pause, pause, epoch});
  }
  // It has been had after all.
  void remove(const ObjectId& id) { failures_.erase(id); }
  std::optional<Error> find(const ObjectId& id, uint64_t epoch) {
    const auto place = failures_.find(id);
    if (place == failures_.end()) return std::nullopt;
    const Failure& failure = place->second;
    const bool is_over = failure.error.code == Code::kUnavailable && failure.epoch != epoch;
    if (is_over || std::chrono::steady_clock::now() >= failure.until) return std::nullopt;
    return failure.error;
  }

 private:
  static constexpr size_t kMany = 1024;
  struct Failure {
    Error error;
    Deadline until;
    Pause pause;
    uint64_t epoch;
  };
  const Pause first_, longest_;
  std::unordered_map<ObjectId, Failure> failures_;
};

}  // namespace granary
