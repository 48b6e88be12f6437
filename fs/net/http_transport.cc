// One thread owns curl's multi handle and everything below it. Others only leave notes in the inbox: start, cancel,
// expedite. The loop takes the notes in, gives up what is overdue, hands as many requests to curl as may run
// (demand first), lets curl work, collects what is done, and sleeps until the network, a note or a deadline wakes it.
#include "fs/net/http_transport.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>
#include <deque>
#include <map>
#include <thread>
#include <unordered_set>

#include "fs/base/mutex.h"
#include "fs/net/prefetch_window.h"

namespace granary {

namespace {
using Clock = std::chrono::steady_clock;

constexpr size_t kMaxErrorPageBytes = 65536;
constexpr long kStallBytesPerSecond = 512;

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

// One request, from the inbox to its answer. All but `done` belongs to the loop's thread.
struct Exchange {
  std::string url;
  GetRequest request;
  Transport::Callback done;  // under the inbox's mutex; empty once answered or cancelled

  enum class State { kNew, kQueued, kActive, kFinished } state = State::kNew;
  std::multimap<Deadline, std::shared_ptr<Exchange>>::iterator overdue;
  Easy easy;
  Bytes body;
  size_t error_page_bytes = 0;
  bool too_long = false;
  char cause[CURL_ERROR_SIZE] = "";

  size_t take_in(ByteView part);
  long status() const;
};
using ExchangePtr = std::shared_ptr<Exchange>;

struct Note {
  enum class What { kStart, kCancel, kExpedite } what;
  ExchangePtr exchange;
  Priority priority = Priority::kDemand;
  Deadline deadline = Deadline::max();
};

// Where other threads leave notes; outlives the loop as long as a Transfer does.
struct Inbox {
  Mutex mutex;
  std::vector<Note> notes GUARDED_BY(mutex);
  CURLM* multi GUARDED_BY(mutex) = nullptr;  // none once the loop has gone

  // False when nobody reads it any more.
  bool leave(Note note) {
    const MutexLock lock(mutex);
    if (multi == nullptr) return false;
    notes.push_back(std::move(note));
    curl_multi_wakeup(multi);
    return true;
  }
  Transport::Callback take_callback(Exchange& exchange) {
    const MutexLock lock(mutex);
    return std::exchange(exchange.done, nullptr);
  }
  void answer(Exchange& exchange, Result<Bytes> result) {
    if (const Transport::Callback done = take_callback(exchange)) done(std::move(result));
  }
};

class HttpTransfer : public Transfer {
 public:
  HttpTransfer(std::shared_ptr<Inbox> inbox, ExchangePtr exchange)
      : inbox_(std::move(inbox)), exchange_(std::move(exchange)) {}
  ~HttpTransfer() override {
    if (inbox_->take_callback(*exchange_)) inbox_->leave({Note::What::kCancel, exchange_});
  }
  void expedite(Priority priority, Deadline deadline) override {
    inbox_->leave({Note::What::kExpedite, exchange_, priority, deadline});
  }

 private:
  const std::shared_ptr<Inbox> inbox_;
  const ExchangePtr exchange_;
};

Error unavailable(const Exchange& exchange, const std::string& cause) {
  return {Code::kUnavailable, str("cannot fetch ", exchange.url, ": ", cause)};
}

long Exchange::status() const {
  long code = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &code);
  return code;
}

// Called by curl with each part of the body; any other answer than the part's size aborts the transfer.
size_t Exchange::take_in(ByteView part) {
  if (status() != 200) {
    error_page_bytes += part.size();
    return error_page_bytes > kMaxErrorPageBytes ? 0 : part.size();
  }
  if (body.empty()) {
    curl_off_t announced = -1;
    curl_easy_getinfo(easy.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    too_long = announced > static_cast<curl_off_t>(request.limit_bytes);
    if (!too_long && announced > 0) body.reserve(static_cast<size_t>(announced));
  }
  too_long = too_long || body.size() + part.size() > request.limit_bytes;
  if (too_long) return 0;
  body.append(part);
  return part.size();
}

size_t on_body(char* data, size_t, size_t size_bytes, void* exchange) {
  return static_cast<Exchange*>(exchange)->take_in({data, size_bytes});
}

// What the finished exchange amounts to.
Result<Bytes> result_of(Exchange& exchange, CURLcode outcome) {
  const long status = exchange.status();
  if (exchange.too_long)
    return Error{Code::kEndlessData, str("cannot fetch ", exchange.url, ": it is longer than the ",
                                         exchange.request.limit_bytes, " bytes it may have")};
  if (status == 404 || status == 410)
    return Error{Code::kNotFound, str("cannot fetch ", exchange.url, ": the server does not have it (", status, ")")};
  if (status >= 400) return unavailable(exchange, str("the server answered with status ", status));
  if (outcome != CURLE_OK) {
    std::string cause = exchange.cause[0] != '\0' ? exchange.cause : curl_easy_strerror(outcome);
    if (cause.size() > 1 && std::islower(cause[1]) != 0) cause[0] = static_cast<char>(std::tolower(cause[0]));
    const bool is_untrusted = outcome == CURLE_PEER_FAILED_VERIFICATION || outcome == CURLE_SSL_CACERT_BADFILE;
    if (is_untrusted)
      return Error{Code::kUntrusted, str("cannot fetch ", exchange.url, ": the server's certificate is not trusted: ",
                                         cause, "; --ca FILE adds an authority of your own")};
    return unavailable(exchange, cause);
  }
  if (status != 200) return unavailable(exchange, str("the server answered with status ", status));
  return std::move(exchange.body);
}

CURLM* start_curl() {
  static const CURLcode kStarted = curl_global_init(CURL_GLOBAL_DEFAULT);
  return kStarted == CURLE_OK ? curl_multi_init() : nullptr;
}
}  // namespace

class HttpEngine::Loop {
 public:
  Loop(CURLM* multi, const HttpOptions& options);
  ~Loop();

  std::unique_ptr<Transfer> get(std::string url, GetRequest request, Transport::Callback done);

 private:
  void run();
  void take_in_notes();
  void follow(const Note& note);
  std::deque<ExchangePtr>& queue_of(Priority priority) { return queues_[static_cast<size_t>(priority)]; }
  size_t& active_of(Priority priority) { return active_counts_[static_cast<size_t>(priority)]; }
  void enqueue(const ExchangePtr& exchange);
  void give_up_overdue();
  void admit();
  bool may_run_more(Priority priority);
  ExchangePtr next_waiting();
  void activate(const ExchangePtr& exchange);
  void collect_finished();
  void measure(CURL* easy);
  void retire(const ExchangePtr& exchange);
  void sleep();
  Easy easy_for(Exchange& exchange);

  const HttpOptions options_;
  CURLM* const multi_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::atomic<bool> stopping_{false};

  // The loop's thread only. The queues, by priority, may hold exchanges that have moved on: their state tells.
  std::array<std::deque<ExchangePtr>, kPriorities> queues_;
  std::multimap<Deadline, ExchangePtr> overdue_;  // every exchange that is not finished
  std::unordered_set<ExchangePtr> active_;
  std::array<size_t, kPriorities> active_counts_{};
  PrefetchWindow prefetch_window_;
  std::vector<Easy> idle_;
  HeaderList past_caches_;

  std::thread thread_;
};

HttpEngine::Loop::Loop(CURLM* multi, const HttpOptions& options) : options_(options), multi_(multi) {
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options.max_connections + 4));
  past_caches_.reset(curl_slist_append(nullptr, "Cache-Control: no-cache"));
  {
    const MutexLock lock(inbox_->mutex);
    inbox_->multi = multi_;
  }
  thread_ = std::thread([this] { run(); });
}

HttpEngine::Loop::~Loop() {
  stopping_ = true;
  curl_multi_wakeup(multi_);
  thread_.join();
  take_in_notes();  // what came in the meantime
  {
    const MutexLock lock(inbox_->mutex);
    inbox_->multi = nullptr;
  }
  while (!overdue_.empty()) {
    const ExchangePtr exchange = overdue_.begin()->second;
    retire(exchange);
    inbox_->answer(*exchange, unavailable(*exchange, "shutting down"));
  }
  idle_.clear();
  curl_multi_cleanup(multi_);
}

std::unique_ptr<Transfer> HttpEngine::Loop::get(std::string url, GetRequest request, Transport::Callback done) {
  auto exchange = std::make_shared<Exchange>();
  exchange->url = std::move(url);
  exchange->request = std::move(request);
  exchange->done = std::move(done);
  [[maybe_unused]] const bool left = inbox_->leave({Note::What::kStart, exchange});
  assert(left);
  return std::make_unique<HttpTransfer>(inbox_, std::move(exchange));
}

void HttpEngine::Loop::run() {
  while (!stopping_) {
    take_in_notes();
    give_up_overdue();
    admit();
    int running = 0;
    curl_multi_perform(multi_, &running);
    collect_finished();
    sleep();
  }
}

void HttpEngine::Loop::take_in_notes() {
  std::vector<Note> notes;
  {
    const MutexLock lock(inbox_->mutex);
    notes.swap(inbox_->notes);
  }
  for (const Note& note : notes) follow(note);
}

void HttpEngine::Loop::follow(const Note& note) {
  const ExchangePtr& exchange = note.exchange;
  switch (note.what) {
    case Note::What::kStart:
      exchange->state = Exchange::State::kQueued;
      exchange->overdue = overdue_.emplace(exchange->request.deadline, exchange);
      return enqueue(exchange);
    case Note::What::kCancel: return retire(exchange);
    case Note::What::kExpedite: {
      if (exchange->state == Exchange::State::kFinished) return;
      overdue_.erase(exchange->overdue);
      exchange->overdue = overdue_.emplace(note.deadline, exchange);
      if (!is_more_urgent(note.priority, exchange->request.priority)) return;
      const Priority before = std::exchange(exchange->request.priority, note.priority);
      if (exchange->state == Exchange::State::kQueued) return enqueue(exchange);
      --active_of(before);
      ++active_of(note.priority);
    }
  }
}

void HttpEngine::Loop::enqueue(const ExchangePtr& exchange) {
  queue_of(exchange->request.priority).push_back(exchange);
}

void HttpEngine::Loop::give_up_overdue() {
  const auto now = Clock::now();
  while (!overdue_.empty() && overdue_.begin()->first <= now) {
    const ExchangePtr exchange = overdue_.begin()->second;
    const bool queued = exchange->state == Exchange::State::kQueued;
    retire(exchange);
    inbox_->answer(*exchange, unavailable(*exchange, queued ? "timed out in the queue" : "timed out"));
  }
}

void HttpEngine::Loop::admit() {
  while (const ExchangePtr exchange = next_waiting()) activate(exchange);
}

bool HttpEngine::Loop::may_run_more(Priority priority) {
  if (active_.size() >= options_.max_connections) return false;
  const size_t same = active_of(priority);
  if (priority == Priority::kDemand) return true;
  if (priority == Priority::kPrefetch) return same < options_.max_prefetches && prefetch_window_.has_room(same);
  return same < options_.max_backgrounds && active_.size() == same;
}

ExchangePtr HttpEngine::Loop::next_waiting() {
  for (const Priority priority : {Priority::kDemand, Priority::kPrefetch, Priority::kBackground}) {
    if (!may_run_more(priority)) return nullptr;
    auto& queue = queue_of(priority);
    while (!queue.empty()) {
      ExchangePtr exchange = std::move(queue.front());
      queue.pop_front();
      const bool waits = exchange->state == Exchange::State::kQueued && exchange->request.priority == priority;
      if (waits) return exchange;
    }
  }
  return nullptr;
}

void HttpEngine::Loop::activate(const ExchangePtr& exchange) {
  exchange->easy = easy_for(*exchange);
  exchange->state = Exchange::State::kActive;
  active_.insert(exchange);
  ++active_of(exchange->request.priority);
  curl_multi_add_handle(multi_, exchange->easy.get());
}

Easy HttpEngine::Loop::easy_for(Exchange& exchange) {
  Easy easy;
  if (idle_.empty()) {
    easy.reset(curl_easy_init());
  } else {
    easy = std::move(idle_.back());
    idle_.pop_back();
    curl_easy_reset(easy.get());
  }
  CURL* const raw = easy.get();
  curl_easy_setopt(raw, CURLOPT_URL, exchange.url.c_str());
  curl_easy_setopt(raw, CURLOPT_PRIVATE, &exchange);
  curl_easy_setopt(raw, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(raw, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(raw, CURLOPT_ERRORBUFFER, exchange.cause);
  curl_easy_setopt(raw, CURLOPT_USERAGENT, "granary/" GRANARY_VERSION);
  curl_easy_setopt(raw, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(raw, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(raw, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(raw, CURLOPT_MAXREDIRS, options_.max_redirects);
  curl_easy_setopt(raw, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(raw, CURLOPT_BUFFERSIZE, 131072L);
  curl_easy_setopt(raw, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(raw, CURLOPT_QUICK_EXIT, 1L);  // a dead name server must not hold the thread
  curl_easy_setopt(raw, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(raw, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  curl_easy_setopt(raw, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.stall_timeout.count()));
  if (exchange.url.starts_with("https:"))
    curl_easy_setopt(raw, CURLOPT_PIPEWAIT, 1L);  // one connection if it is HTTP/2
  if (!options_.ca_file.empty()) curl_easy_setopt(raw, CURLOPT_CAINFO, options_.ca_file.c_str());
  if (options_.proxy) curl_easy_setopt(raw, CURLOPT_PROXY, options_.proxy->c_str());
  if (exchange.request.past_caches) curl_easy_setopt(raw, CURLOPT_HTTPHEADER, past_caches_.get());
  return easy;
}

void HttpEngine::Loop::collect_finished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    char* raw = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &raw);
    const ExchangePtr exchange = reinterpret_cast<Exchange*>(raw)->overdue->second;
    Result<Bytes> result = result_of(*exchange, message->data.result);
    if (result) measure(message->easy_handle);
    retire(exchange);
    inbox_->answer(*exchange, std::move(result));
  }
}

void HttpEngine::Loop::measure(CURL* easy) {
  long new_connections = 0;
  curl_off_t sent = 0;
  curl_off_t begun = 0;
  curl_off_t size = 0;
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &new_connections);
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sent);
  curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &begun);
  curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &size);
  if (new_connections == 0 && begun > sent)
    prefetch_window_.answered(PrefetchWindow::Duration(begun - sent), static_cast<uint64_t>(size), Clock::now());
}

void HttpEngine::Loop::retire(const ExchangePtr& exchange) {
  if (exchange->state == Exchange::State::kFinished) return;
  if (exchange->state == Exchange::State::kActive) {
    curl_multi_remove_handle(multi_, exchange->easy.get());
    idle_.push_back(std::move(exchange->easy));
    --active_of(exchange->request.priority);
    active_.erase(exchange);
  }
  exchange->state = Exchange::State::kFinished;
  const auto at = exchange->overdue;
  overdue_.erase(at);
}

void HttpEngine::Loop::sleep() {
  for (const Priority priority : {Priority::kDemand, Priority::kPrefetch, Priority::kBackground}) {
    if (!queue_of(priority).empty() && may_run_more(priority)) return;
  }
  auto wait = std::chrono::milliseconds(60'000);
  if (!overdue_.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(overdue_.begin()->first - Clock::now());
    wait = std::clamp(left, std::chrono::milliseconds(0), wait);
  }
  curl_multi_poll(multi_, nullptr, 0, static_cast<int>(wait.count()), nullptr);
}

Result<std::shared_ptr<HttpEngine>> HttpEngine::start(const HttpOptions& options) {
  CURLM* const multi = start_curl();
  if (multi == nullptr) return Error{Code::kInternal, "cannot start the HTTP library"};
  return std::shared_ptr<HttpEngine>(new HttpEngine(std::make_unique<Loop>(multi, options)));
}

HttpEngine::HttpEngine(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
HttpEngine::~HttpEngine() = default;

std::unique_ptr<Transfer> HttpEngine::get(std::string url, GetRequest request, Transport::Callback done) {
  return loop_->get(std::move(url), std::move(request), std::move(done));
}

}  // namespace granary
