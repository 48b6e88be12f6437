#include "fs/client/mount_status.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

namespace granary {

namespace {
using Json = nlohmann::ordered_json;

Json cache_json(const std::string& directory, const CacheStats& stats) {
  return {{"dir", printable(directory)},
          {"quota", stats.quota_bytes},
          {"used", stats.used_bytes},
          {"hits", stats.hits},
          {"misses", stats.misses},
          {"lower_hits", stats.lower_hits},
          {"puts", stats.puts},
          {"put_failures", stats.put_failures},
          {"evictions", stats.evictions},
          {"healed", stats.healed},
          {"pins", stats.pins},
          {"pinned", stats.pinned_bytes},
          {"damaged_pins", stats.damaged_pins}};
}

Json fetch_json(const FetcherStats& stats) {
  return {{"requests", stats.requests},  {"received_bytes", stats.received_bytes},
          {"hits", stats.hits},          {"misses", stats.misses},
          {"joined", stats.joined},      {"retries", stats.retries},
          {"corrupt", stats.corrupt},    {"failures", stats.failures},
          {"in_flight", stats.in_flight}};
}

Json source_json(const SourceStatus& source) {
  return {{"url", source.place.url},
          {"proxy", source.place.proxy.empty() ? Json() : Json(source.place.proxy)},
          {"group", source.place.group},
          {"state", name_of(source.state)},
          {"latency_ms", source.latency_ms},
          {"bytes_per_second", static_cast<uint64_t>(source.bytes_per_second)},
          {"error_rate", source.error_rate},
          {"requests", source.requests},
          {"bytes", source.bytes},
          {"errors", source.errors},
          {"missing", source.missing},
          {"trials", source.trials},
          {"hedges", source.hedges},
          {"hedge_wins", source.hedge_wins},
          {"wasted_bytes", source.wasted_bytes},
          {"last_error", source.last_error.empty() ? Json() : Json(printable(source.last_error))}};
}

Json sources_json(const std::vector<SourceStatus>& sources) {
  Json out = Json::array();
  for (const SourceStatus& source : sources) out.push_back(source_json(source));
  return out;
}

Json operations_json(const OperationCounters& counters) {
  return {{"lookups", counters.lookups.load()},
          {"listings", counters.listings.load()},
          {"reads", counters.reads.load()},
          {"read_bytes", counters.read_bytes.load()},
          {"parked_reads", counters.parked_reads.load()},
          {"parked_lookups", counters.parked_lookups.load()},
          {"failures", counters.failures.load()}};
}

Json recording_json(const TouchRecorder& recorder) {
  const auto progress = recorder.progress();
  if (!progress) return {};
  return {{"started_at", format_utc(progress->started_at)},
          {"directories", progress->directories},
          {"files", progress->files},
          {"bytes", progress->bytes},
          {"truncated", progress->truncated}};
}

Json count_json(const ProfileReplay::Count& count) { return {{"objects", count.objects}, {"bytes", count.bytes}}; }

Json replay_json(const ProfileReplay* replay) {
  if (replay == nullptr) return {};
  const ProfileReplay::Report report = replay->report();
  Json out{{"name", report.name}, {"state", name_of(report.state)}, {"cause", nullptr}};
  if (!report.cause.empty()) out["cause"] = printable(report.cause);
  Json signers = Json::array();
  if (report.from) {
    for (const KeyId& signer : report.from->signers) signers.push_back(str(signer));
  }
  out["recorded_on"] = report.from ? Json(report.from->note.base.hex()) : Json();
  out["attached_to"] = report.from ? Json(report.from->note.snapshot.hex()) : Json();
  out["attached_at"] = report.from ? Json(format_utc(report.from->note.time)) : Json();
  out["signers"] = signers;
  out["stale"] = report.is_stale;
  out["limit"] = report.limit_bytes;
  out["limited"] = report.state != ProfileReplay::State::kWaiting && report.chosen.objects < report.planned.objects;
  out["planned"] = count_json(report.planned);
  out["replayed"] = count_json(report.chosen);
  out["fetched"] = count_json(report.fetched);
  out["cached"] = count_json(report.cached);
  out["failed"] = count_json(report.failed);
  out["used"] = count_json(report.used);
  out["unused"] = count_json(report.unused);
  return out;
}

Json read_ahead_json(const ReadAheadStats& stats) { return {{"asked", stats.asked}, {"used", stats.used}}; }

Json worker_json(const WorkerStatus& worker) {
  return {{"version", worker.version}, {"user", worker.user}, {"sandbox", worker.sandbox}};
}

Json restart_json(const WorkerBrief& worker) {
  if (worker.restarts == 0) return {};
  return {{"at", format_utc(worker.last_restart_at)}, {"cause", printable(worker.last_restart_cause)}};
}

// Nobody can be reached now, or nobody has been since it began without them.
bool is_offline(const ResolvedSnapshot& resolved, const Fetcher& fetcher) {
  return fetcher.outage().has_value() || (resolved.is_offline && fetcher.stats().received_bytes == 0);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(printable(text)); }
Json time_or_null(const std::optional<UnixSeconds>& time) { return time ? Json(format_utc(*time)) : Json(); }
}  // namespace

std::string MountStatus::json() const {
  const auto served = parts_.snapshots.current();
  const Follower* const follower = follower_.load();
  const ResolvedSnapshot& resolved = served->resolved;
  const WorkerBrief& worker = parts_.worker.brief;
  const Json out{
      {"mount_point", printable(parts_.mount_point)},
      {"repository", resolved.repository},
      {"name", resolved.repository_name},
      {"url", resolved.url},
      {"snapshot", resolved.id.hex()},
      {"tree_digest", resolved.snapshot.tree.hex()},
      {"catalog", resolved.snapshot.catalog.hex()},
      {"selector", resolved.selector},
      {"branch", text_or_null(resolved.branch)},
      {"tag", text_or_null(resolved.tag)},
      {"revision", resolved.revision},
      {"published_at", format_utc(resolved.snapshot.time)},
      {"message", text_or_null(resolved.snapshot.message)},
      {"entries", served->snapshot->entry_count()},
      {"bytes", served->snapshot->total_bytes()},
      {"stale_since", time_or_null(resolved.stale_since)},
      {"date_proven", !resolved.stale_since.has_value()},
      {"freshness", name_of(resolved.freshness)},
      {"offline", is_offline(resolved, parts_.fetcher)},
      {"withdrawn", resolved.withdrawn ? Json(printable(resolved.withdrawn->reason)) : Json()},
      {"worker_pid", ::getpid()},
      {"worker", worker_json(parts_.worker)},
      {"supervisor_pid", worker.supervisor == 0 ? Json() : Json(worker.supervisor)},
      {"restarts", worker.restarts},
      {"last_restart", restart_json(worker)},
      {"mounted_at", format_utc(worker.mounted_at)},
      {"cache", cache_json(parts_.cache_directory, parts_.cache.stats())},
      {"fetch", fetch_json(parts_.fetcher.stats())},
      {"sources", sources_json(parts_.fetcher.sources())},
      {"read_ahead", read_ahead_json(served->snapshot->read_ahead())},
      {"operations", operations_json(served->snapshot->counters())},
      {"profile", replay_json(parts_.replay)},
      {"recording", recording_json(served->snapshot->touches())},
      {"fill", Json::parse(parts_.fill.json())},
      {"following", follower == nullptr ? Json() : Json::parse(follower->json())},
      {"last_failure", text_or_null(served->snapshot->last_failure())},
      {"log", parts_.log},
  };
  return out.dump();
}

std::string MountStatus::recording() const {
  return recording_json(parts_.snapshots.current()->snapshot->touches()).dump();
}

std::optional<Bytes> MountStatus::word(std::string_view key) const {
  const auto served = parts_.snapshots.current();
  const ResolvedSnapshot& resolved = served->resolved;
  if (key == "repository") return resolved.repository;
  if (key == "name") return resolved.repository_name;
  if (key == "url") return resolved.url;
  if (key == "snapshot") return resolved.id.hex();
  if (key == "branch") return resolved.branch;
  if (key == "tag") return resolved.tag;
  if (key == "offline") return is_offline(resolved, parts_.fetcher) ? "yes" : "no";
  if (key == "freshness") return name_of(resolved.freshness);
  if (key == "revision") return std::to_string(resolved.revision);
  if (key == "worker_pid") return std::to_string(::getpid());
  if (key == "stat") return json();
  if (key == "counters")
    return Json{{"cache", cache_json(parts_.cache_directory, parts_.cache.stats())},
                {"fetch", fetch_json(parts_.fetcher.stats())},
                {"operations", operations_json(served->snapshot->counters())}}
        .dump();
  return std::nullopt;
}

}  // namespace granary
