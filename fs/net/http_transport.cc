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
constexpr long kNamesStaySeconds = 10;  // the network may be another one then
constexpr size_t kMostLanesInUse = 4;   // by the number of connections

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

std::string through(const std::string& proxy) { return proxy.empty() ? "" : " (through " + proxy + ")"; }
}  // namespace

struct HttpEngine::Lane {
  explicit Lane(std::optional<std::string> way) : proxy(std::move(way)), public_proxy(public_url(proxy.value_or(""))) {}

  const std::optional<std::string> proxy;
  const std::string public_proxy;

  // The loop's thread only. The queues, by priority, may hold exchanges that have moved on: their state tells.
  std::array<std::deque<std::shared_ptr<Exchange>>, kPriorities> queues;
  std::array<size_t, kPriorities> active_counts{};
  PrefetchWindow prefetch_window;

  auto& queue_of(Priority priority) { return queues[static_cast<size_t>(priority)]; }
  size_t& active_of(Priority priority) { return active_counts[static_cast<size_t>(priority)]; }
  size_t active() const { return active_counts[0] + active_counts[1] + active_counts[2]; }
};

// One request, from the inbox to its answer. All but `done` belongs to the loop's thread.
struct HttpEngine::Exchange {
  std::shared_ptr<HttpEngine::Lane> lane;
  std::string url;
  GetRequest request;
  Transport::Callback done;  // under the inbox's mutex; empty once answered or cancelled

  enum class State { kNew, kQueued, kActive, kFinished } state = State::kNew;
  std::multimap<Deadline, std::shared_ptr<Exchange>>::iterator overdue;
  Easy easy;
  HeaderList headers;
  Bytes body;
  size_t error_page_bytes = 0;
  bool too_long = false;
  char cause[CURL_ERROR_SIZE] = "";

  size_t take_in(ByteView part);
  long status() const;
  void blame(Trouble trouble) {
    if (request.progress != nullptr) request.progress->trouble = trouble;
  }
};

namespace {
using Exchange = HttpEngine::Exchange;
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
  return {Code::kUnavailable, str("cannot fetch ", exchange.url, through(exchange.lane->public_proxy), ": ", cause)};
}

// Of one that did not come to its end.
Trouble trouble_of(const Exchange& exchange, CURLcode outcome) {
  curl_off_t connected = 0;
  curl_easy_getinfo(exchange.easy.get(), CURLINFO_CONNECT_TIME_T, &connected);
  switch (outcome) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT: return Trouble::kUnreachable;
    case CURLE_OPERATION_TIMEDOUT:
      if (connected == 0) return Trouble::kUnreachable;
      return exchange.body.empty() ? Trouble::kSilent : Trouble::kNone;
    default: return Trouble::kBroken;
  }
}
}  // namespace

long HttpEngine::Exchange::status() const {
  long code = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &code);
  return code;
}

// Called by curl with each part of the body; any other answer than the part's size aborts the transfer.
size_t HttpEngine::Exchange::take_in(ByteView part) {
  if (TransferProgress* const progress = request.progress.get()) {
    if (progress->first_byte.load() == Clock::time_point{}) progress->first_byte = Clock::now();
    progress->received_bytes += part.size();
  }
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

namespace {
size_t on_body(char* data, size_t, size_t size_bytes, void* exchange) {
  return static_cast<Exchange*>(exchange)->take_in({data, size_bytes});
}

// What the finished exchange amounts to.
Result<Bytes> result_of(Exchange& exchange, CURLcode outcome) {
  const long status = exchange.status();
  exchange.blame(trouble_of(exchange, outcome));
  if (exchange.too_long)
    return Error{Code::kEndlessData, str("cannot fetch ", exchange.url, ": it is longer than the ",
                                         exchange.request.limit_bytes, " bytes it may have")};
  if (status == 404 || status == 410)
    return Error{Code::kNotFound, str("cannot fetch ", exchange.url, ": the server does not have it (", status, ")")};
  if (status == 407)
    return unavailable(exchange, "the proxy wants another user name or password (407); http://USER:PASSWORD@HOST:PORT");
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

// Headers may be secrets of the one place that they are meant for.
void say_what_was_asked(Exchange& exchange, CURL* easy) {
  if (!exchange.request.method.empty()) curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange.request.method.c_str());
  if (exchange.request.headers.empty()) return;
  for (const std::string& header : exchange.request.headers)
    exchange.headers.reset(curl_slist_append(exchange.headers.release(), header.c_str()));
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange.headers.get());
  curl_easy_setopt(easy, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));  // proxies do not hear them
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
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

  std::unique_ptr<Transfer> get(std::shared_ptr<Lane> lane, std::string url, GetRequest request,
                                Transport::Callback done);

 private:
  void run();
  void take_in_notes();
  void follow(const Note& note);
  void enqueue(const ExchangePtr& exchange);
  void give_up_overdue();
  void admit();
  void know(const std::shared_ptr<Lane>& lane);
  bool may_run_more(Lane& lane, Priority priority);
  ExchangePtr next_waiting(Lane& lane);
  void activate(const ExchangePtr& exchange);
  void collect_finished();
  void measure(Exchange& exchange);
  void retire(const ExchangePtr& exchange);
  void sleep();
  Easy easy_for(Exchange& exchange);

  const HttpOptions options_;
  CURLM* const multi_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::atomic<bool> stopping_{false};

  // The loop's thread only.
  std::vector<std::shared_ptr<Lane>> lanes_;
  std::multimap<Deadline, ExchangePtr> overdue_;  // every exchange that is not finished
  std::unordered_set<ExchangePtr> active_;
  size_t active_backgrounds_ = 0;
  std::vector<Easy> idle_;
  HeaderList past_caches_;
  HeaderList revalidate_;

  std::thread thread_;
};

HttpEngine::Loop::Loop(CURLM* multi, const HttpOptions& options) : options_(options), multi_(multi) {
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  past_caches_.reset(curl_slist_append(nullptr, "Cache-Control: no-cache"));
  revalidate_.reset(curl_slist_append(nullptr, "Cache-Control: max-age=0"));
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
  for (const auto& lane : lanes_) {
    for (auto& queue : lane->queues) queue.clear();  // what stands in it holds the lane
  }
  idle_.clear();
  curl_multi_cleanup(multi_);
}

std::unique_ptr<Transfer> HttpEngine::Loop::get(std::shared_ptr<Lane> lane, std::string url, GetRequest request,
                                                Transport::Callback done) {
  auto exchange = std::make_shared<Exchange>();
  exchange->lane = std::move(lane);
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
      know(exchange->lane);
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
      --exchange->lane->active_of(before);
      ++exchange->lane->active_of(note.priority);
      if (before == Priority::kBackground) --active_backgrounds_;
    }
  }
}

void HttpEngine::Loop::know(const std::shared_ptr<Lane>& lane) {
  if (std::find(lanes_.begin(), lanes_.end(), lane) != lanes_.end()) return;
  lanes_.push_back(lane);
  const size_t kept = std::min(lanes_.size() * options_.max_connections, kMostLanesInUse * options_.max_connections);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(kept + 4));
}

void HttpEngine::Loop::enqueue(const ExchangePtr& exchange) {
  exchange->lane->queue_of(exchange->request.priority).push_back(exchange);
}

void HttpEngine::Loop::give_up_overdue() {
  const auto now = Clock::now();
  while (!overdue_.empty() && overdue_.begin()->first <= now) {
    const ExchangePtr exchange = overdue_.begin()->second;
    const bool queued = exchange->state == Exchange::State::kQueued;
    exchange->blame(queued ? Trouble::kNone : trouble_of(*exchange, CURLE_OPERATION_TIMEDOUT));
    retire(exchange);
    inbox_->answer(*exchange, unavailable(*exchange, queued ? "timed out in the queue" : "timed out"));
  }
}

void HttpEngine::Loop::admit() {
  for (const auto& lane : lanes_) {
    while (const ExchangePtr exchange = next_waiting(*lane)) activate(exchange);
  }
}

bool HttpEngine::Loop::may_run_more(Lane& lane, Priority priority) {
  if (lane.active() >= options_.max_connections) return false;
  if (active_.size() >= kMostLanesInUse * options_.max_connections) return false;
  const size_t same = lane.active_of(priority);
  if (priority == Priority::kDemand) return true;
  if (priority == Priority::kPrefetch) return same < options_.max_prefetches && lane.prefetch_window.has_room(same);
  return active_backgrounds_ < options_.max_backgrounds && active_.size() == active_backgrounds_;
}

ExchangePtr HttpEngine::Loop::next_waiting(Lane& lane) {
  for (const Priority priority : {Priority::kDemand, Priority::kPrefetch, Priority::kBackground}) {
    if (!may_run_more(lane, priority)) return nullptr;
    auto& queue = lane.queue_of(priority);
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
  ++exchange->lane->active_of(exchange->request.priority);
  if (exchange->request.priority == Priority::kBackground) ++active_backgrounds_;
  curl_multi_add_handle(multi_, exchange->easy.get());
  TransferProgress* const progress = exchange->request.progress.get();
  if (progress == nullptr) return;
  progress->began = Clock::now();
  if (progress->on_begin) progress->on_begin();
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
  curl_easy_setopt(raw, CURLOPT_DNS_CACHE_TIMEOUT, kNamesStaySeconds);
  curl_easy_setopt(raw, CURLOPT_QUICK_EXIT, 1L);  // a dead name server must not hold the thread
  curl_easy_setopt(raw, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(raw, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  curl_easy_setopt(raw, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.stall_timeout.count()));
  if (exchange.request.on_a_new_connection) {
    curl_easy_setopt(raw, CURLOPT_FRESH_CONNECT, 1L);
  } else if (exchange.url.starts_with("https:")) {
    curl_easy_setopt(raw, CURLOPT_PIPEWAIT, 1L);  // one connection if it is HTTP/2
  }
  if (!options_.ca_file.empty()) {
    curl_easy_setopt(raw, CURLOPT_CAINFO, options_.ca_file.c_str());
    curl_easy_setopt(raw, CURLOPT_PROXY_CAINFO, options_.ca_file.c_str());
  }
  if (const auto& proxy = exchange.lane->proxy) {
    curl_easy_setopt(raw, CURLOPT_PROXY, proxy->c_str());
    curl_easy_setopt(raw, CURLOPT_NOPROXY, "");
  }
  if (exchange.request.past_caches) {
    curl_easy_setopt(raw, CURLOPT_HTTPHEADER, past_caches_.get());
  } else if (exchange.request.revalidate) {
    curl_easy_setopt(raw, CURLOPT_HTTPHEADER, revalidate_.get());
  }
  say_what_was_asked(exchange, raw);
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
    if (result) measure(*exchange);
    retire(exchange);
    inbox_->answer(*exchange, std::move(result));
  }
}

void HttpEngine::Loop::measure(Exchange& exchange) {
  CURL* const easy = exchange.easy.get();
  long new_connections = 0;
  curl_off_t sent = 0;
  curl_off_t begun = 0;
  curl_off_t size = 0;
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &new_connections);
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sent);
  curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &begun);
  curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &size);
  if (new_connections == 0 && begun > sent)
    exchange.lane->prefetch_window.answered(PrefetchWindow::Duration(begun - sent), static_cast<uint64_t>(size),
                                            Clock::now());
}

void HttpEngine::Loop::retire(const ExchangePtr& exchange) {
  if (exchange->state == Exchange::State::kFinished) return;
  if (exchange->state == Exchange::State::kActive) {
    curl_multi_remove_handle(multi_, exchange->easy.get());
    idle_.push_back(std::move(exchange->easy));
    --exchange->lane->active_of(exchange->request.priority);
    if (exchange->request.priority == Priority::kBackground) --active_backgrounds_;
    active_.erase(exchange);
  }
  exchange->state = Exchange::State::kFinished;
  const auto at = exchange->overdue;
  overdue_.erase(at);
}

void HttpEngine::Loop::sleep() {
  for (const auto& lane : lanes_) {
    for (const Priority priority : {Priority::kDemand, Priority::kPrefetch, Priority::kBackground}) {
      if (!lane->queue_of(priority).empty() && may_run_more(*lane, priority)) return;
    }
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

std::shared_ptr<HttpEngine::Lane> HttpEngine::new_lane(std::optional<std::string> proxy) {
  return std::make_shared<Lane>(std::move(proxy));
}

std::unique_ptr<Transfer> HttpEngine::get(std::shared_ptr<Lane> lane, std::string url, GetRequest request,
                                          Transport::Callback done) {
  return loop_->get(std::move(lane), std::move(url), std::move(request), std::move(done));
}

}  // namespace granary
