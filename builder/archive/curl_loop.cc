#include "builder/archive/curl_loop.h"

#include <algorithm>
#include <mutex>

namespace granary {

namespace {
using Clock = std::chrono::steady_clock;
constexpr auto kBusyPause = std::chrono::milliseconds(100);

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

// A job in the loop.
struct Turn {
  CurlJob* job = nullptr;
  Clock::time_point not_before{};
  unsigned pauses = 0;
  std::unique_ptr<CURL, FreeEasy> easy{};
  char cause[CURL_ERROR_SIZE] = "";
};

long status_of(CURL* easy) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

bool is_good(long status) { return status == 0 || status == 200 || status == 206; }

size_t on_body(char* data, size_t, size_t size_bytes, void* pointer) {
  Turn& turn = *static_cast<Turn*>(pointer);
  if (!is_good(status_of(turn.easy.get()))) return size_bytes;  // an error page
  return turn.job->take_in({data, size_bytes}) ? size_bytes : 0;
}

void set_options(Turn& turn, const DownloadOptions& options) {
  CURL* const easy = turn.easy.get();
  curl_easy_reset(easy);
  turn.cause[0] = '\0';
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &turn);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &turn);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, turn.cause);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "granary");
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https,file");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 262144L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 512L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_timeout.count()));
}

// One run: its turns wait, are under way, or are over.
class Run {
 public:
  Run(CURLM* multi, const DownloadOptions& options) : multi_(multi), options_(options) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    for (const auto& turn : active_) curl_multi_remove_handle(multi_, turn->easy.get());
  }

  void add(CurlJob* job) {
    auto turn = std::make_unique<Turn>();
    turn->job = job;
    waiting_.push_back(std::move(turn));
  }
  bool is_over() const { return waiting_.empty() && active_.empty(); }

  Status step() {
    TRY(start_waiting());
    int running = 0;
    curl_multi_perform(multi_, &running);
    TRY(collect());
    if (!is_over()) curl_multi_poll(multi_, nullptr, 0, active_.empty() ? 20 : 100, nullptr);
    return Done{};
  }

 private:
  Status start_waiting() {
    const auto now = Clock::now();
    for (size_t left = waiting_.size(); left > 0 && active_.size() < options_.connections; --left) {
      std::unique_ptr<Turn> turn = std::move(waiting_.front());
      waiting_.pop_front();
      if (turn->not_before > now) {
        waiting_.push_back(std::move(turn));
        continue;
      }
      TRY(start(std::move(turn)));
    }
    return Done{};
  }

  Status start(std::unique_ptr<Turn> turn) {
    if (!turn->easy) turn->easy.reset(curl_easy_init());
    set_options(*turn, options_);
    const Status begun = turn->job->begin(turn->easy.get());
    if (!begun && begun.error().code == Code::kBusy) {
      turn->not_before = Clock::now() + kBusyPause;
      waiting_.push_back(std::move(turn));
      return Done{};
    }
    TRY(begun);
    curl_multi_add_handle(multi_, turn->easy.get());
    active_.push_back(std::move(turn));
    return Done{};
  }

  Status collect() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode outcome = message->data.result;
      CURL* const easy = message->easy_handle;
      const auto at =
          std::find_if(active_.begin(), active_.end(), [&](const auto& each) { return each->easy.get() == easy; });
      std::unique_ptr<Turn> turn = std::move(*at);
      active_.erase(at);
      curl_multi_remove_handle(multi_, easy);
      TRY(finish(std::move(turn), outcome));
    }
    return Done{};
  }

  Status finish(std::unique_ptr<Turn> turn, CURLcode outcome) {
    const TransferEnd end{outcome, status_of(turn->easy.get()),
                          turn->cause[0] != '\0' ? turn->cause : curl_easy_strerror(outcome)};
    switch (turn->job->end(end)) {
      case CurlJob::Next::kDone: return Done{};
      case CurlJob::Next::kFailed: return turn->job->error();
      case CurlJob::Next::kAgainNow: turn->pauses = 0; break;
      case CurlJob::Next::kAgainLater:
        turn->not_before = Clock::now() + options_.first_pause * (1 << std::min(turn->pauses++, 6U));
        break;
    }
    waiting_.push_back(std::move(turn));
    return Done{};
  }

  CURLM* const multi_;
  const DownloadOptions& options_;
  std::deque<std::unique_ptr<Turn>> waiting_;
  std::vector<std::unique_ptr<Turn>> active_;
};
}  // namespace

bool TransferEnd::is_missing() const {
  return status == 404 || status == 410 || outcome == CURLE_FILE_COULDNT_READ_FILE;
}

bool TransferEnd::is_transient() const {
  return outcome != CURLE_OK || status >= 500 || status == 408 || status == 429;
}

Status CurlLoop::run(const std::vector<std::unique_ptr<CurlJob>>& jobs, const std::function<void()>& on_tick) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const std::unique_ptr<CURLM, FreeMulti> multi(curl_multi_init());
  if (!multi) return Error{Code::kInternal, "cannot start the HTTP library"};
  curl_multi_setopt(multi.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(options_.connections));
  Run run(multi.get(), options_);
  for (const auto& job : jobs) run.add(job.get());
  while (!run.is_over()) {
    TRY(run.step());
    on_tick();
  }
  return Done{};
}

}  // namespace granary
