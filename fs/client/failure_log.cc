#include "fs/client/failure_log.h"

#include "fs/base/log.h"

namespace granary {

FailureLog::FailureLog(std::string repository, std::string source, PathOf path_of)
    : repository_(std::move(repository)), source_(std::move(source)), path_of_(std::move(path_of)) {
  thread_ = std::thread([this] { run(); });
}

void FailureLog::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void FailureLog::report(Failure failure) {
  const MutexLock lock(mutex_);
  last_ = failure.error.message;
  if (stopping_ || told_lately(failure)) return;
  if (queue_.size() >= kMaxQueued) {
    ++dropped_;
    return;
  }
  queue_.push_back(std::move(failure));
  changed_.notify_one();
}

bool FailureLog::told_lately(const Failure& failure) {
  const auto now = std::chrono::steady_clock::now();
  if (told_.size() >= kMaxRemembered) told_.clear();
  const auto [place, is_new] = told_.try_emplace({failure.inode, failure.object}, now);
  if (is_new || now - place->second >= kRepeatAfter) {
    place->second = now;
    return false;
  }
  return true;
}

std::string FailureLog::last() const {
  const MutexLock lock(mutex_);
  return last_;
}

void FailureLog::run() {
  for (;;) {
    Failure next;
    uint64_t dropped = 0;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) lock.wait(changed_);
      if (queue_.empty()) return;
      next = std::move(queue_.front());
      queue_.pop_front();
      dropped = std::exchange(dropped_, 0);
    }
    write(next);
    if (dropped > 0) log::error("failures not told", {{"repository", repository_}, {"count", dropped}});
  }
}

void FailureLog::write(const Failure& failure) {
  log::error("read failed", {{"repository", repository_},
                             {"path", path_of_(failure.inode)},
                             {"object", failure.object.is_none() ? "-" : failure.object.hex()},
                             {"source", source_},
                             {"operation", failure.operation},
                             {"code", name_of(failure.error.code)},
                             {"cause", failure.error.message}});
}

}  // namespace granary
