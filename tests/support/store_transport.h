// StoreTransport: a source that answers from a MemStore, on a thread of its own, and holds back what it is told to.
#pragma once

#include <deque>
#include <set>
#include <thread>

#include "fs/net/transport.h"
#include "tests/support/mem_store.h"

namespace granary {

class StoreTransport : public Transport {
 public:
  explicit StoreTransport(MemStore& store) : store_(store), thread_([this] { run(); }) {}

  ~StoreTransport() override {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
      held_.clear();
    }
    changed_.notify_all();
    thread_.join();
  }

  [[nodiscard]] std::unique_ptr<Transfer> get(GetRequest request, Callback done) override {
    const MutexLock lock(mutex_);
    queue_.push_back({std::move(request.path), std::move(done)});
    changed_.notify_all();
    return std::make_unique<Nothing>();
  }

  const std::string& base_url() const override { return url_; }

  // Requests for this object wait until it is released; others overtake them.
  void hold(const ObjectId& id) {
    const MutexLock lock(mutex_);
    held_.insert(object_path(id));
  }
  void release_all() {
    const MutexLock lock(mutex_);
    held_.clear();
    changed_.notify_all();
  }
  size_t waiting() const {
    const MutexLock lock(mutex_);
    return queue_.size();
  }

 private:
  struct Request {
    std::string path;
    Callback done;
  };
  class Nothing : public Transfer {
   public:
    void expedite(Priority, Deadline) override {}
  };

  std::deque<Request>::iterator next() REQUIRES(mutex_) {
    auto place = queue_.begin();
    while (place != queue_.end() && held_.contains(place->path)) ++place;
    return place;
  }

  void run() {
    for (;;) {
      Request request;
      {
        MutexLock lock(mutex_);
        while (next() == queue_.end() && !(stopping_ && queue_.empty())) lock.wait(changed_);
        if (queue_.empty()) return;
        const auto place = next();
        request = std::move(*place);
        queue_.erase(place);
      }
      request.done(bytes_of(request.path));
    }
  }

  Result<Bytes> bytes_of(const std::string& path) {
    std::string hex = path.substr(path.find('/') + 1);  // objects/HH/HHHH…
    std::erase(hex, '/');
    const auto id = Digest::parse(hex);
    if (!id) return Error{Code::kNotFound, "no such file: " + path};
    return store_.get(*id);
  }

  MemStore& store_;
  const std::string url_ = "mem://store";
  mutable Mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> queue_ GUARDED_BY(mutex_);
  std::set<std::string> held_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace granary
