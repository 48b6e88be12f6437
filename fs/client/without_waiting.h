// WithoutWaiting: within its scope, this thread waits for no object. What asks a catalog fails instead where a part of
// it is not at hand; the part is on its way by then, and the same question asked again once it has arrived comes
// further. So a request of the kernel waits for the network without a thread.
//
// Arrival: that one object (or, with none for an id, another thing), and all who go on when it is here. Safe from many
// threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/net/fetcher.h"

namespace granary {

class Arrival {
 public:
  explicit Arrival(const ObjectId& id) : id_(id) {}

  // Fetches as somebody who waits for it does. The fetcher may bring it before this returns.
  static std::shared_ptr<Arrival> of(const ObjectId& id, Fetcher& fetcher);

  const ObjectId& id() const { return id_; }
  // Nothing while it is on its way.
  std::optional<Result<SharedBytes>> result() const;
  // Runs `go_on` when it is here, or cannot be had: at once when that is so already, else on the thread that brings it.
  // As many may wait as like; brief.
  void then(std::function<void()> go_on);
  // Once, by whoever has it.
  void bring(Result<SharedBytes> result);

 private:
  enum class Try { kFirst, kLast };
  static void ask(const std::shared_ptr<Arrival>& arrival, Fetcher& fetcher, Try which);

  const ObjectId id_;
  mutable Mutex mutex_;
  std::optional<Result<SharedBytes>> result_ GUARDED_BY(mutex_);
  std::vector<std::function<void()>> waiters_ GUARDED_BY(mutex_);
};

class WithoutWaiting {
 public:
  // What one request has waited for so far: answered from here when it asks again, failures too, so that every turn
  // comes further than the one before, whatever the cache could keep.
  using Arrivals = std::vector<std::shared_ptr<Arrival>>;

  explicit WithoutWaiting(const Arrivals& before) : before_(before), outer_(std::exchange(current(), this)) {}
  ~WithoutWaiting() { current() = outer_; }
  WithoutWaiting(const WithoutWaiting&) = delete;
  WithoutWaiting& operator=(const WithoutWaiting&) = delete;

  // The innermost scope of this thread, or nullptr.
  static WithoutWaiting* of_this_thread() { return current(); }
  // True for an error that says only that something is still on its way to this thread.
  static bool is_reason_for(const Error& error) {
    return error.code == Code::kUnavailable && current() != nullptr && current()->missing_ != nullptr;
  }
  // The same question was asked before.
  static bool is_another_turn() { return current() != nullptr && !current()->before_.empty(); }

  // kUnavailable when it is not at hand; `missing` then knows what to wait for.
  Result<SharedBytes> read(const ObjectId& id, Fetcher& fetcher);
  // The same for what is no object.
  Error wait_for(std::shared_ptr<Arrival> arrival);
  bool has_waited_for(const Arrival& arrival) const;
  const std::shared_ptr<Arrival>& missing() const { return missing_; }

 private:
  static WithoutWaiting*& current() {
    thread_local WithoutWaiting* innermost = nullptr;
    return innermost;
  }

  const Arrivals& before_;
  WithoutWaiting* const outer_;
  std::shared_ptr<Arrival> missing_;
};

}  // namespace granary
