#include "fs/client/mount_metrics.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "fs/base/file.h"
#include "fs/client/metrics_text.h"

namespace granary {

namespace {
using Json = nlohmann::ordered_json;

Json stalls_json(const StallReport& report) {
  Json now = Json::array();
  const auto clock = Waiting::Time::clock::now();
  for (const Stall& stall : report.now) {
    const Waiting& waiting = stall.waiting;
    now.push_back({{"operation", waiting.operation},
                   {"inode", waiting.inode},
                   {"path", printable(stall.path)},
                   {"waits_for", waiting.waits_for},
                   {"object", waiting.object.is_none() ? Json() : Json(waiting.object.hex())},
                   {"thread", waiting.thread},
                   {"seconds", std::chrono::duration<double>(clock - waiting.since).count()}});
  }
  return {{"now", now},
          {"now_count", report.now_count},
          {"total", report.total},
          {"longest_seconds", report.longest_seconds}};
}

// Of each operation that was ever asked for, in seconds.
Json latency_json(const OperationMetrics& metrics) {
  using Wait = OperationMetrics::Wait;
  Json out = Json::object();
  for (size_t i = 0; i < kOperations; ++i) {
    const auto operation = static_cast<Operation>(i);
    for (const Wait wait : {Wait::kHit, Wait::kMiss}) {
      const auto durations = metrics.durations(operation, wait);
      if (durations.count() == 0) continue;
      out[name_of(operation)][wait == Wait::kHit ? "hit" : "miss"] = {{"count", durations.count()},
                                                                      {"median", durations.quantile_seconds(0.5)},
                                                                      {"p99", durations.quantile_seconds(0.99)},
                                                                      {"sum", durations.sum_seconds}};
    }
  }
  return out;
}

double number(uint64_t value) { return static_cast<double>(value); }

void count(MetricsText& out, const char* name, const char* help, uint64_t value) {
  out.counter(name, help);
  out.sample(number(value));
}

void measure(MetricsText& out, const char* name, const char* help, double value) {
  out.gauge(name, help);
  out.sample(value);
}

void describe_mount(MetricsText& out, const MountStatus::Parts& parts) {
  const auto served = parts.snapshots.current();
  const ResolvedSnapshot& resolved = served->resolved;
  out.gauge("granary_mount_info", "What is mounted.");
  out.sample(1, {{"snapshot", resolved.id.brief()}, {"branch", resolved.branch}, {"tag", resolved.tag}});
  measure(out, "granary_mount_revision", "Revision of the repository that is mounted.", number(resolved.revision));
  measure(out, "granary_mount_start_time_seconds", "When it was mounted, since 1970.",
          static_cast<double>(parts.worker.brief.mounted_at));
  measure(out, "granary_mount_entries", "Entries of the mounted tree.", number(served->snapshot->entry_count()));
}

void describe_operations(MetricsText& out, const OperationMetrics& metrics) {
  using Wait = OperationMetrics::Wait;
  out.histogram("granary_operation_duration_seconds",
                "Requests of the kernel, by whether they were answered at once (hit) or had to wait (miss).");
  for (size_t i = 0; i < kOperations; ++i) {
    const auto operation = static_cast<Operation>(i);
    for (const Wait wait : {Wait::kHit, Wait::kMiss}) {
      const auto durations = metrics.durations(operation, wait);
      if (durations.count() == 0) continue;
      out.sample(durations, {{"operation", name_of(operation)}, {"outcome", wait == Wait::kHit ? "hit" : "miss"}});
    }
  }
  out.counter("granary_operation_errors_total", "Requests answered with an error, by its name.");
  for (int error_number = 1; error_number < OperationMetrics::kErrnos; ++error_number) {
    const char* const name = ::strerrorname_np(error_number);
    const uint64_t errors = metrics.errors(error_number);
    if (errors > 0 || error_number == EIO)
      out.sample(number(errors), {{"errno", name == nullptr ? std::to_string(error_number) : name}});
  }
}

void describe_reads(MetricsText& out, const OperationCounters& counters) {
  count(out, "granary_reads_total", "Reads of files.", counters.reads.load());
  count(out, "granary_read_bytes_total", "Bytes handed to readers.", counters.read_bytes.load());
  count(out, "granary_parked_reads_total", "Reads that had to wait for an object.", counters.parked_reads.load());
  count(out, "granary_failures_total", "Requests that failed because something could not be had.",
        counters.failures.load());
}

void describe_fetches(MetricsText& out, const FetcherStats& stats) {
  count(out, "granary_fetch_requests_total", "Requests sent to sources.", stats.requests);
  count(out, "granary_fetch_received_bytes_total", "Bytes received, as they came.", stats.received_bytes);
  count(out, "granary_fetch_background_bytes_total", "Of these, in the background.", stats.background_bytes);
  count(out, "granary_fetch_hits_total", "Objects found in the cache.", stats.hits);
  count(out, "granary_fetch_misses_total", "Objects that had to be fetched.", stats.misses);
  count(out, "granary_fetch_joined_total", "Objects that were on their way already.", stats.joined);
  count(out, "granary_fetch_retries_total", "Requests after the first for an object.", stats.retries);
  count(out, "granary_fetch_corrupt_total", "Damaged answers.", stats.corrupt);
  count(out, "granary_fetch_failures_total", "Objects that could not be had.", stats.failures);
  measure(out, "granary_fetch_in_flight", "Objects on their way.", number(stats.in_flight));
}

void describe_cache(MetricsText& out, const CacheStats& stats) {
  measure(out, "granary_cache_used_bytes", "Bytes in the cache, of all mounts that share it.",
          number(stats.used_bytes));
  measure(out, "granary_cache_quota_bytes", "Bytes it may take.", number(stats.quota_bytes));
  measure(out, "granary_cache_pinned_bytes", "Bytes that are never evicted.", number(stats.pinned_bytes));
  count(out, "granary_cache_hits_total", "Objects found in it.", stats.hits);
  count(out, "granary_cache_lower_hits_total", "Objects found in a cache below it.", stats.lower_hits);
  count(out, "granary_cache_misses_total", "Objects not found in it.", stats.misses);
  count(out, "granary_cache_puts_total", "Objects taken in.", stats.puts);
  count(out, "granary_cache_put_failures_total", "Objects not taken in: no room, or the disk refused.",
        stats.put_failures);
  count(out, "granary_cache_evictions_total", "Objects removed to make room.", stats.evictions);
  count(out, "granary_cache_evicted_bytes_total", "Their bytes.", stats.evicted_bytes);
  count(out, "granary_cache_healed_total", "Damaged objects found and removed.", stats.healed);
}

void describe_log(MetricsText& out, const log::LogStats& stats) {
  out.counter("granary_log_lines_total", "Lines of the log, by what became of them.");
  out.sample(number(stats.written), {{"outcome", "written"}});
  out.sample(number(stats.dropped), {{"outcome", "dropped"}});
  out.sample(number(stats.lost), {{"outcome", "lost"}});
  out.sample(number(stats.suppressed), {{"outcome", "suppressed"}});
}

void describe_stalls(MetricsText& out, const StallReport& report) {
  measure(out, "granary_stalled", "Requests and threads that have waited too long, now.", number(report.now_count));
  count(out, "granary_stalls_total", "Those that ever did.", report.total);
  measure(out, "granary_stall_longest_seconds", "How long the longest took.", report.longest_seconds);
}

void describe_worker(MetricsText& out, const WorkerStatus& worker) {
  count(out, "granary_worker_restarts_total", "Workers of this mount that died and were replaced.",
        worker.brief.restarts);
  measure(out, "granary_supervised", "Whether somebody would replace the worker.", worker.brief.supervisor != 0);
}

void describe_sources(MetricsText& out, const std::vector<SourceStatus>& sources) {
  const auto each = [&](const char* name, const char* help, bool is_counter, const auto& value) {
    if (is_counter) {
      out.counter(name, help);
    } else {
      out.gauge(name, help);
    }
    for (const SourceStatus& source : sources)
      out.sample(static_cast<double>(value(source)), {{"source", log::without_passwords(source.place.url)},
                                                      {"proxy", log::without_passwords(source.place.proxy)},
                                                      {"group", std::to_string(source.place.group)}});
  };
  using Source = const SourceStatus&;
  each("granary_source_healthy", "Whether the source is believed to be well.", false,
       [](Source source) { return source.state != SourceHealth::State::kIll; });
  each("granary_source_latency_seconds", "Until the first byte, moving average.", false,
       [](Source source) { return source.latency_ms / 1000; });
  each("granary_source_bytes_per_second", "After that, moving average.", false,
       [](Source source) { return source.bytes_per_second; });
  each("granary_source_error_ratio", "Share of requests that failed, moving average.", false,
       [](Source source) { return source.error_rate; });
  each("granary_source_requests_total", "Requests sent to it.", true, [](Source source) { return source.requests; });
  each("granary_source_received_bytes_total", "Bytes of whole answers.", true,
       [](Source source) { return source.bytes; });
  each("granary_source_errors_total", "Requests that failed.", true, [](Source source) { return source.errors; });
  each("granary_source_missing_total", "Files that it does not have.", true,
       [](Source source) { return source.missing; });
  each("granary_source_hedges_total", "Second requests sent to it beside a slow first one.", true,
       [](Source source) { return source.hedges; });
  each("granary_source_hedge_wins_total", "Of these, those that were answered first.", true,
       [](Source source) { return source.hedge_wins; });
}

void describe_process(MetricsText& out) {
  if (const auto statm = read_file("/proc/self/statm", 4096)) {
    unsigned long whole = 0, resident = 0;
    if (std::sscanf(statm->c_str(), "%lu %lu", &whole, &resident) == 2)  // NOLINT(cert-err34-c)
      measure(out, "granary_process_resident_memory_bytes", "Memory of the worker.",
              static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  }
  timespec used{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0) {
    out.counter("granary_process_cpu_seconds_total", "Time that the worker has computed.");
    out.sample(static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9);
  }
  std::error_code failure;
  const auto open = std::distance(std::filesystem::directory_iterator("/proc/self/fd", failure), {});
  if (!failure)
    measure(out, "granary_process_open_fds", "Descriptors that the worker has open.", static_cast<double>(open));
}
}  // namespace

std::string stat_of(const MountStatus& status, const MountMeasures& measures) {
  Json out = Json::parse(status.json());
  if (measures.parked_requests) out["parked"] = measures.parked_requests();
  if (measures.watchdog != nullptr) out["stalls"] = stalls_json(measures.watchdog->report());
  if (measures.operations != nullptr) out["latency"] = latency_json(*measures.operations);
  if (measures.log != nullptr) {
    const log::LogStats lines = measures.log->stats();
    out["log_lines"] = {
        {"written", lines.written}, {"dropped", lines.dropped}, {"lost", lines.lost}, {"suppressed", lines.suppressed}};
  }
  return out.dump();
}

std::string metrics_of(const MountStatus& status, const MountMeasures& measures) {
  const MountStatus::Parts& parts = status.parts();
  const auto served = parts.snapshots.current();
  MetricsText out({{"repository", served->resolved.repository_name}, {"mount", parts.mount_point}});
  describe_mount(out, parts);
  if (measures.operations != nullptr) describe_operations(out, *measures.operations);
  describe_reads(out, served->snapshot->counters());
  describe_fetches(out, parts.fetcher.stats());
  describe_sources(out, parts.fetcher.sources());
  describe_cache(out, parts.cache.stats());
  const ReadAheadStats ahead = served->snapshot->read_ahead();
  count(out, "granary_read_ahead_asked_total", "Objects asked for before anybody read them.", ahead.asked);
  count(out, "granary_read_ahead_used_total", "Of these, those that were read later.", ahead.used);
  if (measures.parked_requests)
    measure(out, "granary_parked_requests", "Requests that wait for an object, now.",
            number(measures.parked_requests()));
  if (measures.watchdog != nullptr) describe_stalls(out, measures.watchdog->report());
  describe_worker(out, parts.worker);
  if (measures.log != nullptr) describe_log(out, measures.log->stats());
  describe_process(out);
  return out.take();
}

}  // namespace granary
