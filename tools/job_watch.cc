#include "tools/job_watch.h"

#include <algorithm>
#include <csignal>
#include <thread>

#include "tools/format.h"
#include "tools/progress.h"

namespace granary {

namespace {
constexpr std::chrono::milliseconds kPollEvery{100};
constexpr size_t kBarWidth = 24;
constexpr uint64_t kLineEveryPercent = 10;

volatile std::sig_atomic_t interrupted = 0;
void on_signal(int) { interrupted = 1; }

uint64_t percent_of(const OrderedJson& progress) {
  const auto total = progress["objects"]["total"].get<uint64_t>();
  return total == 0 ? 0 : progress["objects"]["done"].get<uint64_t>() * 100 / total;
}

std::string figures(const OrderedJson& progress) {
  return str(percent_of(progress), " %, ", human_count(progress["objects"]["done"].get<uint64_t>()), " of ",
             human_count(progress["objects"]["total"].get<uint64_t>()), " objects, ",
             human_bytes(progress["bytes"]["done"].get<uint64_t>()));
}

std::string bar(const OrderedJson& progress) {
  const size_t full = std::min(kBarWidth, static_cast<size_t>(percent_of(progress)) * kBarWidth / 100);
  return str("[", std::string(full, '#'), std::string(kBarWidth - full, '.'), "]");
}

// Only what `watch_job` and its callers look at.
bool is_progress(const OrderedJson& json) {
  return json.is_object() && json.contains("step") && json["step"].is_string() && json.contains("objects") &&
         json.contains("bytes") && json.contains("missing") && json.contains("error");
}
}  // namespace

Interrupted::Interrupted() {
  interrupted = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

Interrupted::~Interrupted() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool Interrupted::now() { return interrupted != 0; }

Result<OrderedJson> watch_job(const WatchedJob& job, Io& io) {
  Progress line(io);
  std::string step;
  uint64_t told_percent = 0;
  bool is_stopping = false;
  for (;; std::this_thread::sleep_for(kPollEvery)) {
    OrderedJson progress = OrderedJson::parse(TRY(job.progress()), nullptr, false);
    if (!is_progress(progress))
      return Error{Code::kCorrupt, "the mount's answer is not as expected: another version of Granary?"};
    const std::string now = progress["step"].get<std::string>();
    if (now == "done" || now == "failed") return progress;
    line.show(str(job.what, ": ", now, " ", bar(progress), " ", figures(progress)));
    const bool is_news = now != step || percent_of(progress) >= told_percent + kLineEveryPercent;
    if (!io.err_is_terminal && is_news) {
      io.err << job.what << ": " << now << ", " << figures(progress) << "\n" << std::flush;
      told_percent = percent_of(progress);
    }
    step = now;
    if (Interrupted::now() && !is_stopping) {
      is_stopping = true;
      job.stop();
    }
  }
}

Status outcome_of(const OrderedJson& progress, Io& io) {
  for (const auto& missing : progress["missing"]) io.err << "granary: missing " << missing.get<std::string>() << "\n";
  if (progress["error"].is_null()) return Done{};
  return Error{static_cast<Code>(progress["error"]["code"].get<int>()), progress["error"]["message"]};
}

std::string sizes_of(const OrderedJson& progress) {
  return str(human_count(progress["objects"]["done"].get<uint64_t>()), " objects, ",
             human_bytes(progress["bytes"]["done"].get<uint64_t>()));
}

}  // namespace granary
