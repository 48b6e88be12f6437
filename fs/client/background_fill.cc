#include "fs/client/background_fill.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "fs/base/log.h"
#include "fs/base/size.h"
#include "fs/store/pins.h"

namespace granary {

namespace {
using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr uint64_t kMostPercent = 80;
constexpr uint64_t kMostPercentThen = 88;  // with what is on the way; from 90 on a cache evicts
constexpr const char* kCrowded = "the cache is more than 80 % full; a larger quota has room";
constexpr size_t kWindow = 2;  // as many as the transports let run at once
constexpr uint64_t kToleratedRefusals = 4;
constexpr milliseconds kLongestPause{600'000};
constexpr milliseconds kLongestNap{200};  // so that a new rate is soon obeyed

const char* name_of(BackgroundFill::State state) {
  switch (state) {
    case BackgroundFill::State::kOff: return "off";
    case BackgroundFill::State::kListing: return "listing";
    case BackgroundFill::State::kFilling: return "filling";
    case BackgroundFill::State::kWaiting: return "waiting";
    case BackgroundFill::State::kComplete: return "complete";
    case BackgroundFill::State::kFull: return "full";
  }
  return "off";
}
}  // namespace

Result<FillRate> FillRate::parse(std::string_view text) {
  if (text == "unlimited") return FillRate{};
  const auto size = parse_size(text);
  if (size) return FillRate{*size};
  return Error{Code::kInvalid, str("impossible rate \"", printable(text),
                                   "\": use bytes a second, such as 500K or 5M, or \"unlimited\"")};
}

std::string FillRate::text() const { return bytes_per_second == 0 ? "unlimited" : std::to_string(bytes_per_second); }

BackgroundFill::BackgroundFill(const CatalogId& catalog, Fetcher& fetcher, Cache& cache, Options options)
    : catalog_(catalog), fetcher_(fetcher), cache_(cache), options_(std::move(options)) {}

void BackgroundFill::start(FillRate rate) {
  const MutexLock control(control_mutex_);
  rate_ = rate.bytes_per_second;
  {
    const MutexLock lock(mutex_);
    progress_.rate = rate;
    const bool is_running = job_ != nullptr;
    if (is_running) return;
    progress_ = Progress{};
    progress_.rate = rate;
    progress_.state = State::kListing;
    job_ = std::make_shared<FetchJob>(fetcher_, Priority::kBackground, kWindow);
  }
  if (thread_.joinable()) thread_.join();  // one that had ended by itself
  thread_ = std::thread([this] { run(); });
}

void BackgroundFill::stop() {
  const MutexLock control(control_mutex_);
  {
    const MutexLock lock(mutex_);
    if (job_) job_->stop();
  }
  if (thread_.joinable()) thread_.join();
  const MutexLock lock(mutex_);
  const bool had_ended = progress_.state == State::kComplete || progress_.state == State::kFull;
  if (!had_ended) progress_.state = State::kOff;
}

void BackgroundFill::follow(const CatalogId& catalog) {
  const Progress before = progress();
  stop();
  {
    const MutexLock control(control_mutex_);
    catalog_ = catalog;
  }
  if (before.state != State::kOff) start(before.rate);
}

void BackgroundFill::run() {
  std::shared_ptr<FetchJob> job;
  {
    const MutexLock lock(mutex_);
    job = job_;
  }
  running_ = job.get();
  tokens_ = 0;
  tokens_at_ = SteadyClock::now();
  received_at_ = fetcher_.stats().background_bytes;
  const auto beginning = received_at_;
  for (milliseconds pause = options_.first_pause;; pause = std::min(pause * 2, kLongestPause)) {
    const Status filled = fill();
    {
      const MutexLock lock(mutex_);
      if (!filled) progress_.trouble = filled.error().message;
      progress_.received_bytes = fetcher_.stats().background_bytes - beginning;
    }
    if (filled || job->stopped() || is_crowded()) break;
    set(State::kWaiting);
    if (!job->pause(pause)) break;
  }
  end(*job);
}

void BackgroundFill::end(const FetchJob& job) {
  Progress last;
  {
    const MutexLock lock(mutex_);
    const bool is_whole = progress_.objects_done == progress_.objects_total;
    if (!job.stopped()) progress_.state = is_whole ? State::kComplete : State::kFull;
    if (progress_.state == State::kFull) progress_.trouble = kCrowded;
    last = progress_;
    job_.reset();
  }
  if (job.stopped()) return;
  log::info(last.state == State::kFull ? "fill stopped" : "fill complete",
            {{"repository", options_.repository},
             {"objects", last.objects_done},
             {"of", last.objects_total},
             {"cause", last.state == State::kFull ? kCrowded : "-"}});
}

// Everything that is not here yet, once. An error: not all of it could be had.
Status BackgroundFill::fill() {
  set(State::kListing);
  refusals_before_ = cache_.stats().put_failures;
  const auto go_on = [this] { return !running_->stopped(); };
  const auto catalog = TRY(Catalog::open(catalog_, *running_));
  auto objects = TRY(walk_catalog(*catalog));
  if (!fill_objects(objects)) return Error{Code::kUnavailable, progress().trouble};
  set(State::kListing);
  const auto data = TRY(walk_data(*catalog, TRY(catalog->root()), go_on));
  objects.insert(objects.end(), data.begin(), data.end());
  if (!fill_objects(objects)) return Error{Code::kUnavailable, progress().trouble};
  return check_kept(objects);
}

// What has arrived is in the cache a moment later, unless its disk refuses.
Status BackgroundFill::check_kept(const std::vector<WalkedObject>& objects) {
  size_t lost = 0;
  for (const milliseconds patience : {milliseconds(0), milliseconds(50), milliseconds(500)}) {
    if (!running_->pause(patience)) break;
    lost = 0;
    for (const WalkedObject& object : objects) lost += cache_.holds(object.id) ? 0 : 1;
    if (lost == 0) return Done{};
  }
  const MutexLock lock(mutex_);
  progress_.objects_done -= std::min<uint64_t>(lost, progress_.objects_done);
  return Error{Code::kUnavailable, str("the cache did not keep ", lost, " objects")};
}

// True when all of them are here.
bool BackgroundFill::fill_objects(std::vector<WalkedObject> objects) {
  const uint64_t total = objects.size();
  for (const WalkedObject& object : objects) largest_bytes_ = std::max(largest_bytes_, blocks_for(object.size_bytes));
  std::erase_if(objects, [this](const WalkedObject& object) { return cache_.holds(object.id); });
  const uint64_t held = total - objects.size();
  const uint64_t before = running_->progress().done;
  {
    const MutexLock lock(mutex_);
    progress_.state = State::kFilling;
    progress_.objects_total = total;
    progress_.objects_done = held;
    progress_.objects_failed = 0;
  }
  const auto missing = running_->fetch(objects, [&] {
    const bool may = may_ask();
    const MutexLock lock(mutex_);
    progress_.objects_done = held + running_->progress().done - before;
    return may;
  });
  const MutexLock lock(mutex_);
  progress_.objects_done = held + running_->progress().done - before;
  progress_.objects_failed = missing.size();
  if (!missing.empty()) progress_.trouble = missing.back().error.message;
  return progress_.objects_done == total;
}

// Waits until the rate allows another object. What is still on its way is paid for when it has come.
bool BackgroundFill::may_ask() {
  for (;;) {
    if (running_->stopped() || is_crowded() || is_refused()) return false;
    const auto now = SteadyClock::now();
    const uint64_t received = fetcher_.stats().background_bytes;
    const auto rate = static_cast<double>(rate_.load());
    const double seconds = std::chrono::duration<double>(now - tokens_at_).count();
    tokens_ = std::min(tokens_ + rate * seconds, rate / 4) - static_cast<double>(received - received_at_);
    tokens_at_ = now;
    {
      const MutexLock lock(mutex_);
      progress_.received_bytes += received - received_at_;
    }
    received_at_ = received;
    if (rate == 0) tokens_ = 0;
    if (rate == 0 || tokens_ > 0) return true;
    const auto wait = milliseconds(static_cast<int64_t>(-tokens_ / rate * 1000) + 1);
    running_->pause(std::min(wait, kLongestNap));
  }
}

// A disk that takes nothing in: what is fetched for it is fetched in vain, again and again.
bool BackgroundFill::is_refused() {
  if (cache_.stats().put_failures <= refusals_before_ + kToleratedRefusals) return false;
  const MutexLock lock(mutex_);
  progress_.trouble = "the cache takes nothing in: its disk is full or refuses";
  return true;
}

bool BackgroundFill::is_crowded() const {
  const CacheStats stats = cache_.stats();
  if (stats.quota_bytes == 0) return false;
  // Until the cache has them; a small one would evict for it.
  const uint64_t on_the_way = (fetcher_.stats().in_flight + 1) * largest_bytes_;
  return stats.used_bytes > stats.quota_bytes / 100 * kMostPercent ||
         stats.used_bytes + on_the_way > stats.quota_bytes / 100 * kMostPercentThen;
}

void BackgroundFill::set(State state) {
  const MutexLock lock(mutex_);
  progress_.state = state;
}

BackgroundFill::Progress BackgroundFill::progress() const {
  const MutexLock lock(mutex_);
  return progress_;
}

std::string BackgroundFill::json() const {
  using Json = nlohmann::ordered_json;
  const Progress now = progress();
  Json rate, trouble;
  if (now.rate.bytes_per_second != 0) rate = now.rate.bytes_per_second;
  if (!now.trouble.empty()) trouble = printable(now.trouble);
  return Json{{"state", name_of(now.state)},
              {"rate", rate},
              {"objects_total", now.objects_total},
              {"objects_done", now.objects_done},
              {"objects_failed", now.objects_failed},
              {"received_bytes", now.received_bytes},
              {"trouble", trouble}}
      .dump();
}

}  // namespace granary
