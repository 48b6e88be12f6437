#include "fs/client/watchdog.h"

#include <algorithm>

#include "fs/base/log.h"

namespace granary {

namespace {
std::string seconds_text(std::chrono::duration<double> duration) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", duration.count());
  return text;
}

std::vector<log::Field> fields_of(const Stall& stall, const std::string& repository, Waiting::Time now) {
  const Waiting& waiting = stall.waiting;
  std::vector<log::Field> fields{{"repository", repository}, {"operation", waiting.operation}};
  if (waiting.inode != 0) fields.emplace_back("inode", waiting.inode);
  if (!stall.path.empty()) fields.emplace_back("path", stall.path);
  fields.emplace_back("waits_for", waiting.waits_for);
  if (!waiting.object.is_none()) fields.emplace_back("object", waiting.object);
  if (waiting.thread != 0) fields.emplace_back("thread", waiting.thread);
  fields.emplace_back("seconds", seconds_text(now - waiting.since));
  return fields;
}
}  // namespace

Watchdog::Watchdog(Options options, Look look, PathOf path_of)
    : options_(std::move(options)), look_(std::move(look)), path_of_(std::move(path_of)) {
  thread_ = std::thread([this] { run(); });
}

Watchdog::~Watchdog() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

Watchdog::Key Watchdog::key_of(const Waiting& waiting) {
  return {waiting.since, waiting.thread, waiting.inode, waiting.operation};
}

void Watchdog::run() {
  using std::chrono::milliseconds;
  const auto pause = std::clamp<milliseconds>(options_.threshold / 5, milliseconds(20), milliseconds(1000));
  for (;;) {
    look(Waiting::Time::clock::now());
    MutexLock lock(mutex_);
    const auto until = Waiting::Time::clock::now() + pause;
    while (!stopping_ && lock.wait_until(changed_, until)) {
    }
    if (stopping_) return;
  }
}

void Watchdog::look(Waiting::Time now) {
  const std::vector<Waiting> waiting = look_(now - options_.threshold);
  std::vector<Stall> begun, over;
  {
    const MutexLock lock(mutex_);
    std::map<Key, Stall> still;
    for (const Waiting& each : waiting) {
      const Key key = key_of(each);
      const auto known = stalls_.find(key);
      Stall stall = known != stalls_.end() ? known->second : Stall{each, {}};
      if (known == stalls_.end()) {
        if (each.inode != 0) stall.path = path_of_(each.inode);
        begun.push_back(stall);
      }
      still.emplace(key, std::move(stall));
      longest_ = std::max(longest_, std::chrono::duration<double>(now - each.since));
    }
    for (const auto& [key, stall] : stalls_) {
      if (still.count(key) == 0) over.push_back(stall);
    }
    total_ += begun.size();
    stalls_ = std::move(still);
  }
  for (size_t i = 0; i < std::min(begun.size(), kMostTold); ++i) tell(begun[i], now);
  if (begun.size() > kMostTold)
    log::warn("stalled, too", {{"repository", options_.repository}, {"count", begun.size() - kMostTold}});
  for (size_t i = 0; i < std::min(over.size(), kMostTold); ++i) tell_over(over[i], now);
  if (over.size() > kMostTold)
    log::info("stall over, too", {{"repository", options_.repository}, {"count", over.size() - kMostTold}});
}

void Watchdog::tell(const Stall& stall, Waiting::Time now) const {
  auto fields = fields_of(stall, options_.repository, now);
  fields.emplace_back("source", options_.source);
  log::warn("stalled", fields);
}

void Watchdog::tell_over(const Stall& stall, Waiting::Time now) const {
  log::info("stall over", fields_of(stall, options_.repository, now));
}

StallReport Watchdog::report() const {
  StallReport report;
  const MutexLock lock(mutex_);
  for (const auto& [key, stall] : stalls_) {  // the oldest first
    if (report.now.size() < kMostListed) report.now.push_back(stall);
  }
  report.now_count = stalls_.size();
  report.total = total_;
  report.longest_seconds = longest_.count();
  return report;
}

std::vector<Waiting> waiting_threads(Waiting::Time before) {
  std::vector<Waiting> out;
  for (const BusyThread& busy : busy_threads()) {
    const Activity& outer = busy.activities.front();
    const Activity& inner = busy.activities.back();
    if (outer.since >= before) continue;
    Waiting waiting;
    waiting.operation = outer.what;
    waiting.inode = outer.number;
    waiting.waits_for = busy.activities.size() > 1 ? inner.what : "itself";
    waiting.object = inner.object;
    waiting.thread = busy.thread;
    waiting.since = outer.since;
    out.push_back(std::move(waiting));
  }
  return out;
}

}  // namespace granary
