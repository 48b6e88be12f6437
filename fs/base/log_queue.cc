#include "fs/base/log_queue.h"

#include <algorithm>

namespace granary::log {

namespace {
constexpr std::chrono::seconds kTellSuppressedAfter{5};
constexpr std::chrono::milliseconds kPatienceAtTheEnd{1000};

std::shared_ptr<const Line> complaint_of(const char* event, std::vector<Field> fields) {
  return std::make_shared<const Line>(Line{Level::kWarn, event, std::move(fields), std::chrono::system_clock::now()});
}
}  // namespace

LogQueue::LogQueue(std::unique_ptr<LogOutput> output) : shared_(std::make_shared<Shared>()) {
  shared_->output = std::move(output);
  thread_ = std::thread([shared = shared_] { shared->run(); });
}

LogQueue::~LogQueue() {
  const bool is_written = flush(kPatienceAtTheEnd);
  {
    const MutexLock lock(shared_->mutex);
    shared_->stopping = true;
    shared_->changed.notify_all();
  }
  if (is_written) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void LogQueue::take(Line line) {
  const auto shared_line = std::make_shared<const Line>(std::move(line));
  const MutexLock lock(shared_->mutex);
  if (!shared_->may_pass(*shared_line)) return;
  shared_->remembered.push_back(shared_line);
  if (shared_->remembered.size() > kMaxRemembered) shared_->remembered.pop_front();
  if (shared_->queue.size() >= kMaxQueued) {
    ++shared_->stats.dropped;
    return;
  }
  shared_->queue.push_back(shared_line);
  shared_->changed.notify_one();
}

bool LogQueue::Shared::may_pass(const Line& line) {
  const auto now = std::chrono::steady_clock::now();
  Allowance& allowance = allowances[line.event];
  const double elapsed = std::chrono::duration<double>(now - allowance.at).count();
  allowance.lines = std::min(kBurst, allowance.lines + elapsed * kPerSecond);
  allowance.at = now;
  if (allowance.lines >= 1) {
    allowance.lines -= 1;
    return true;
  }
  ++allowance.suppressed;
  ++stats.suppressed;
  if (!std::exchange(any_suppressed, true)) changed.notify_one();
  return false;
}

bool LogQueue::flush(std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  MutexLock lock(shared_->mutex);
  while (!shared_->queue.empty() || shared_->writing) {
    if (!lock.wait_until(shared_->idle, until)) return shared_->queue.empty() && !shared_->writing;
  }
  return true;
}

LogStats LogQueue::stats() const {
  const MutexLock lock(shared_->mutex);
  LogStats stats = shared_->stats;
  stats.queued = shared_->queue.size();
  return stats;
}

std::string LogQueue::tail() const {
  std::deque<std::shared_ptr<const Line>> lines;
  {
    const MutexLock lock(shared_->mutex);
    lines = shared_->remembered;
  }
  std::string out;
  for (const auto& line : lines) out += str(time_text(*line), " ", as_logfmt(*line), "\n");
  return out;
}

// What could not be told, as soon as something can be told again.
std::shared_ptr<const Line> LogQueue::Shared::complaint() {
  if (!last_was_written) return nullptr;
  if (stats.dropped > std::exchange(told_dropped, stats.dropped))
    return complaint_of("log lines dropped", {{"total", stats.dropped}, {"cause", "the log's target was too slow"}});
  if (stats.lost > std::exchange(told_lost, stats.lost))
    return complaint_of("log lines lost", {{"total", stats.lost}, {"cause", "the log's target refused them"}});
  return nullptr;
}

// The next line to write; nothing at the end.
std::shared_ptr<const Line> LogQueue::Shared::next() {
  MutexLock lock(mutex);
  writing = false;
  for (;;) {
    if (auto first = complaint()) return writing = true, first;
    if (!queue.empty()) {
      auto line = std::move(queue.front());
      queue.pop_front();
      return writing = true, line;
    }
    idle.notify_all();
    if (stopping) return nullptr;
    if (!any_suppressed) {
      lock.wait(changed);
      continue;
    }
    if (lock.wait_until(changed, std::chrono::steady_clock::now() + kTellSuppressedAfter)) continue;
    any_suppressed = false;
    for (auto& [event, allowance] : allowances) {
      if (allowance.suppressed == 0) continue;
      queue.push_back(complaint_of("log lines suppressed",
                                   {{"event_name", event}, {"count", std::exchange(allowance.suppressed, 0)}}));
    }
  }
}

void LogQueue::Shared::run() {
  while (const auto line = next()) {
    const bool is_written = output->write(*line);
    const MutexLock lock(mutex);
    last_was_written = is_written;
    ++(is_written ? stats.written : stats.lost);
  }
}

}  // namespace granary::log
