#include "fs/net/fetcher.h"

#include <algorithm>
#include <cassert>

#include "fs/base/activity.h"
#include "fs/base/log.h"

namespace granary {

namespace {
// A result that one thread waits for and another brings.
template <class T>
class Promise {
 public:
  void bring(Result<T> result) {
    const MutexLock lock(mutex_);
    result_ = std::move(result);
    brought_.notify_all();
  }
  Result<T> wait() {
    MutexLock lock(mutex_);
    while (!result_) lock.wait(brought_);
    return std::move(*result_);
  }

 private:
  Mutex mutex_;
  std::condition_variable brought_;
  std::optional<Result<T>> result_ GUARDED_BY(mutex_);
};

// What readers are told: kinds of damage make no difference to them.
Error for_readers(const ObjectId& id, const Error& error) {
  const Code code = error.code == Code::kEndlessData ? Code::kCorrupt : error.code;
  return {code, str("cannot fetch object ", id, ": ", error.message)};
}

bool looks_like_json(ByteView file) {
  const size_t first = file.find_first_not_of(" \t\r\n");
  return first != ByteView::npos && file[first] == '{';
}

size_t cores() { return std::max(1u, std::thread::hardware_concurrency()); }
}  // namespace

Fetcher::Fetcher(std::vector<std::unique_ptr<Transport>> sources, Cache& cache, FetcherOptions options)
    : cache_(cache),
      options_(std::move(options)),
      sources_(std::move(sources), options_.rounds, options_.first_pause),
      recent_(options_.recent_bytes),
      recent_failures_(options_.failure_memory, options_.longest_failure_memory),
      pool_(options_.workers != 0 ? options_.workers : cores()) {
  assert(sources_.count() > 0);
}

Fetcher::~Fetcher() {
  pool_.stop();     // from here on nothing is asked any more,
  sources_.stop();  // and nothing arrives
  const Error error{Code::kUnavailable, "shutting down"};
  std::unordered_map<ObjectId, Flight> flights;
  std::map<uint64_t, std::pair<DocumentDone, std::shared_ptr<Download>>> documents;
  {
    const MutexLock lock(mutex_);
    flights.swap(flights_);
    documents.swap(documents_);
  }
  for (auto& [id, flight] : flights) {
    for (const Callback& waiter : flight.waiters) waiter(error);
  }
  for (auto& [number, document] : documents) document.first(error, {});
}

void Fetcher::fetch(const ObjectId& id, Priority priority, Callback done) {
  if (priority == Priority::kDemand) {
    if (DemandWatcher* const watcher = watcher_.load(std::memory_order_acquire)) watcher->demanded(id);
  }
  if (!done) done = [](const Result<ObjectHandle>&) {};
  if (const auto answer = answer_or_wait(id, priority, done)) return done(*answer);
  if (priority == Priority::kDemand) note_waited_for(id);
}

std::optional<Result<ObjectHandle>> Fetcher::answer_or_wait(const ObjectId& id, Priority priority, Callback& done) {
  for (;;) {
    const uint64_t seen = landings_.load();
    if (auto hit = cache_.open(id)) {
      ++counters_.hits;
      return Result<ObjectHandle>(std::move(*hit));
    }
    const MutexLock lock(mutex_);
    if (const auto flight = flights_.find(id); flight != flights_.end()) return join(flight->second, priority, done);
    if (const SharedBytes bytes = recent_.find(id)) {
      ++counters_.hits;
      return Result<ObjectHandle>(ObjectHandle::in_memory(bytes));
    }
    if (const auto failure = recent_failures_.find(id, sources_.choice.recoveries()))
      return Result<ObjectHandle>(*failure);
    if (seen != landings_.load()) continue;  // it may have landed between our miss and our turn
    take_off(id, priority, std::move(done));
    return std::nullopt;
  }
}

std::optional<Result<ObjectHandle>> Fetcher::join(Flight& flight, Priority priority, Callback& done) {
  if (flight.landed) {
    ++counters_.hits;
    return Result<ObjectHandle>(ObjectHandle::in_memory(flight.landed));
  }
  ++counters_.joined;
  flight.waiters.push_back(std::move(done));
  if (priority != Priority::kBackground) flight.download->expedite(priority, deadline_from_now(priority));
  return std::nullopt;
}

void Fetcher::take_off(const ObjectId& id, Priority priority, Callback done) {
  ++counters_.misses;
  Download::Plan plan;
  plan.request = {object_path(id), kMaxObjectFileBytes, priority, deadline_from_now(priority)};
  plan.accept = [id](const Bytes& file) -> Result<SharedBytes> {
    return std::make_shared<const Bytes>(TRY(decode_object(id, file)));
  };
  Flight& flight = flights_[id];
  flight.waiters.push_back(std::move(done));
  flight.download = Download::start(sources_, pool_, std::move(plan),
                                    [this, id](Result<SharedBytes> result, const Download::Report& report) {
                                      if (result) return land(id, *result, report);
                                      crash(id, for_readers(id, result.error()), report);
                                    });
}

void Fetcher::land(const ObjectId& id, const SharedBytes& bytes, const Download::Report& report) {
  if (!report.first_cause.empty()) {
    log::warn("fetch recovered", {{"repository", options_.repository},
                                  {"object", id},
                                  {"source", report.source},
                                  {"tries", report.tries},
                                  {"cause", report.first_cause}});
  }
  const ObjectHandle handle = ObjectHandle::in_memory(bytes);
  for (const Callback& waiter : waiters_of(id, bytes)) waiter(handle);
  const Status kept = [&] {
    const ScopedActivity activity("cache write", 0, id);
    return cache_.put(id, *bytes);
  }();
  const MutexLock lock(mutex_);
  recent_failures_.remove(id);
  if (!kept) recent_.add(id, bytes);
  flights_.erase(id);
  ++landings_;
}

std::vector<Fetcher::Callback> Fetcher::waiters_of(const ObjectId& id, const SharedBytes& landed) {
  const MutexLock lock(mutex_);
  const auto flight = flights_.find(id);
  if (flight == flights_.end()) return {};
  flight->second.landed = landed;
  return std::exchange(flight->second.waiters, {});
}

void Fetcher::crash(const ObjectId& id, const Error& error, const Download::Report& report) {
  ++counters_.failures;
  log::write(options_.failure_level, "fetch failed",
             {{"repository", options_.repository},
              {"object", id},
              {"source", report.source},
              {"tries", report.tries},
              {"code", name_of(error.code)},
              {"cause", error.message}});
  std::vector<Callback> waiters;
  {
    const MutexLock lock(mutex_);
    recent_failures_.add(id, error, sources_.choice.recoveries());
    const auto flight = flights_.find(id);
    if (flight != flights_.end()) waiters = std::move(flight->second.waiters);
    flights_.erase(id);
    ++landings_;
  }
  for (const Callback& waiter : waiters) waiter(error);
}

// In the background an object may wait for its turn for long; once it runs, a source that stalls is given up anyway.
Deadline Fetcher::deadline_from_now(Priority priority) const {
  const auto patience = options_.deadline * (priority == Priority::kBackground ? 20 : 1);
  return std::chrono::steady_clock::now() + patience;
}

Result<ObjectHandle> Fetcher::open(const ObjectId& id) {
  const auto promise = std::make_shared<Promise<ObjectHandle>>();
  fetch(id, ScopedPriority::of_this_thread(),
        [promise](Result<ObjectHandle> result) { promise->bring(std::move(result)); });
  const ScopedActivity activity("wait for an object", 0, id);
  return promise->wait();
}

Result<SharedBytes> Fetcher::read(const ObjectId& id) {
  const ObjectHandle handle = TRY(open(id));
  if (auto bytes = handle.whole()) return bytes;
  discard(id);  // the cache's disk lost it
  return TRY(open(id)).whole();
}

void Fetcher::discard(const ObjectId& id) {
  cache_.discard(id);
  const MutexLock lock(mutex_);
  recent_.remove(id);
}

void Fetcher::fetch_document(const std::string& path, size_t limit_bytes, Freshness freshness, DocumentCallback done) {
  Download::Plan plan;
  plan.request = {path, limit_bytes, Priority::kDemand, deadline_from_now(Priority::kDemand)};
  plan.request.revalidate = freshness == Freshness::kFresh;
  plan.accept = [path](Bytes file) -> Result<SharedBytes> {
    if (path.ends_with(".json") && !looks_like_json(file))
      return Error{Code::kCorrupt, path + " is something else: a captive portal's page, or a proxy's?"};
    return std::make_shared<const Bytes>(std::move(file));
  };
  start_document(std::move(plan),
                 [done = std::move(done)](Result<Bytes> result, const Download::Report&) { done(std::move(result)); });
}

void Fetcher::start_document(Download::Plan plan, DocumentDone done) {
  const MutexLock lock(mutex_);
  const uint64_t number = next_document_++;
  auto& document = documents_[number];
  document.first = std::move(done);
  document.second =
      Download::start(sources_, pool_, std::move(plan),
                      [this, number](const Result<SharedBytes>& result, const Download::Report& report) {
                        DocumentDone callback;
                        std::shared_ptr<Download> download;  // goes after the lock
                        {
                          const MutexLock relock(mutex_);
                          const auto place = documents_.find(number);
                          if (place == documents_.end()) return;
                          callback = std::move(place->second.first);
                          download = std::move(place->second.second);
                          documents_.erase(place);
                        }
                        callback(result ? Result<Bytes>(**result) : Result<Bytes>(result.error()), report);
                      });
}

Result<Bytes> Fetcher::read_document(const std::string& path, size_t limit_bytes, Freshness freshness) {
  const auto promise = std::make_shared<Promise<Bytes>>();
  fetch_document(path, limit_bytes, freshness, [promise](Result<Bytes> result) { promise->bring(std::move(result)); });
  return promise->wait();
}

namespace {
// The answers of several mirrors to one question. What comes late comes to nobody.
struct Heads {
  struct Answer {
    Bytes head;
    uint64_t revision = 0;
    Download::Report report;
  };
  Mutex mutex;
  std::condition_variable arrived;
  std::optional<Result<Answer>> first GUARDED_BY(mutex), second GUARDED_BY(mutex);
};

constexpr std::chrono::milliseconds kLeastPatienceForNewer{50};
}  // namespace

Result<Bytes> Fetcher::read_head(size_t limit_bytes, const HeadCheck& check, std::chrono::milliseconds patience) {
  const auto began = std::chrono::steady_clock::now();
  const auto heads = std::make_shared<Heads>();
  const auto ask = [&](std::vector<size_t> only, std::optional<Result<Heads::Answer>> Heads::*place) {
    Download::Plan plan;
    plan.request = {"head.json", limit_bytes, Priority::kDemand, began + std::min(options_.deadline, patience)};
    plan.request.revalidate = true;
    plan.only = std::move(only);
    plan.accept = [check](Bytes head) -> Result<SharedBytes> {
      TRY(check(head));
      return std::make_shared<const Bytes>(std::move(head));
    };
    start_document(std::move(plan), [heads, place, check](Result<Bytes> result, const Download::Report& report) {
      const uint64_t revision = result ? check(*result).value_or(0) : 0;
      const MutexLock lock(heads->mutex);
      if (result) {
        (*heads).*place = Heads::Answer{*std::move(result), revision, report};
      } else {
        (*heads).*place = report.arrived || result.error().code == Code::kNotFound
                              ? result.error()
                              : result.error().within("cannot reach the repository");
      }
      heads->arrived.notify_all();
    });
  };
  ask({}, &Heads::first);
  const std::vector<size_t> others = another_mirror();
  if (!others.empty()) ask(others, &Heads::second);

  MutexLock lock(heads->mutex);
  while (!heads->first) lock.wait(heads->arrived);
  if (!*heads->first) return heads->first->error();
  const auto now = std::chrono::steady_clock::now();
  const auto until = now + std::max<SourceChoice::Time::duration>(kLeastPatienceForNewer, now - began);
  while (!others.empty() && !heads->second && lock.wait_until(heads->arrived, until)) {
  }
  const Heads::Answer& first = **heads->first;
  if (!heads->second || !*heads->second) return first.head;
  const Heads::Answer& second = **heads->second;
  if (first.report.number == second.report.number) return first.head;
  for (const auto& [one, other] : {std::pair(&first, &second), std::pair(&second, &first)}) {
    if (one->revision < other->revision) sources_.choice.lacked(one->report.number, now);
    if (one->revision >= other->revision) sources_.choice.caught_up(one->report.number);
  }
  return first.revision >= second.revision ? first.head : second.head;
}

// One that is not the first choice, a different one each time.
std::vector<size_t> Fetcher::another_mirror() {
  const std::vector<size_t> order = sources_.choice.order(std::chrono::steady_clock::now());
  const auto url_of = [&](size_t source) { return sources_.choice.place(source).url; };
  std::vector<size_t> others;
  for (const size_t source : order) {
    const auto same = [&](size_t other) { return url_of(other) == url_of(source); };
    if (!same(order.front()) && std::none_of(others.begin(), others.end(), same)) others.push_back(source);
  }
  if (others.empty()) return {};
  return {others[next_other_++ % others.size()]};
}

std::vector<SourceStatus> Fetcher::sources() const { return sources_.choice.status(std::chrono::steady_clock::now()); }

FetcherStats Fetcher::stats() const {
  FetcherStats stats;
  stats.requests = sources_.requests;
  stats.received_bytes = sources_.received_bytes;
  stats.background_bytes = sources_.background_bytes;
  stats.hits = counters_.hits;
  stats.misses = counters_.misses;
  stats.joined = counters_.joined;
  stats.retries = sources_.retries;
  stats.corrupt = sources_.corrupt;
  stats.failures = counters_.failures;
  const MutexLock lock(mutex_);
  stats.in_flight = flights_.size() + documents_.size();
  return stats;
}

}  // namespace granary
