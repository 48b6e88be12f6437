// `stat`: how a mount or a repository is.
#include <thread>

#include "fs/client/connection.h"
#include "fs/client/mount_client.h"
#include "fs/client/repository_view.h"
#include "fs/format/identifiers.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/job_watch.h"
#include "tools/many_mounts.h"
#include "tools/mount_place.h"
#include "tools/source_options.h"

namespace granary {

namespace {
constexpr std::chrono::milliseconds kTableTimeout{3000};
constexpr size_t kMostStallsShown = 5;

struct Options {
  std::string place;
  SourceOptions sources;
  bool json = false, watch = false;
};

std::string bytes_text(double bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(kUnits)) bytes /= 1000, ++unit;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, kUnits[unit]);
  return text;
}

void print_line(Io& io, const char* name, const std::string& value) {
  if (value.empty()) return;
  io.out << name << std::string(15 - std::min<size_t>(14, std::string(name).size()), ' ') << value << "\n";
}

std::string text_of(const OrderedJson& json, const char* key) {
  return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
}

// "12 objects, 3.4 MB".
std::string count_text(const OrderedJson& count) {
  return str(count["objects"], " objects, ", bytes_text(count["bytes"].get<double>()));
}

void print_profile(Io& io, const OrderedJson& profile) {
  const std::string cause = text_of(profile, "cause");
  std::string line = str(text_of(profile, "name"), ": ", text_of(profile, "state"));
  if (!text_of(profile, "attached_to").empty()) {
    line += str(", recorded on ", text_of(profile, "recorded_on").substr(0, 12), ", attached to ",
                text_of(profile, "attached_to").substr(0, 12), profile["stale"] ? " (an ancestor: stale)" : "");
    for (const auto& signer : profile["signers"]) line += ", signed by " + signer.get<std::string>().substr(0, 12);
  }
  print_line(io, "profile", line + (cause.empty() ? "" : ": " + cause));
  if (profile["planned"]["objects"] == 0) return;
  std::string names = count_text(profile["planned"]);
  if (profile["limited"]) names += str("; within its limit: ", count_text(profile["replayed"]));
  print_line(io, "  names", names);
  print_line(io, "  fetched",
             str(count_text(profile["fetched"]), "; ", profile["cached"]["objects"], " were cached, ",
                 profile["failed"]["objects"], " failed"));
  print_line(io, "  used", str(count_text(profile["used"]), "; nobody uses ", count_text(profile["unused"])));
}

void print_pins(Io& io, const OrderedJson& cache) {
  if (!cache.contains("pins")) return;  // a mount of an older version
  if (cache["pins"] != 0)
    print_line(io, "pinned", str(bytes_text(cache["pinned"].get<double>()), " by ", cache["pins"], " pins"));
  if (cache["damaged_pins"] != 0)
    print_line(io, "damaged pins", str(cache["damaged_pins"], "; `granary pin --list` names them"));
}

void print_fill(Io& io, const OrderedJson& stat) {
  if (!stat.contains("fill") || text_of(stat["fill"], "state") == "off") return;
  const OrderedJson& fill = stat["fill"];
  const std::string rate = fill["rate"].is_null() ? "unlimited" : bytes_text(fill["rate"].get<double>()) + " a second";
  print_line(io, "fill",
             str(text_of(fill, "state"), ", ", fill["objects_done"], " of ", fill["objects_total"], " objects (",
                 bytes_text(fill["received_bytes"].get<double>()), "), ", rate));
  print_line(io, "fill trouble", text_of(fill, "trouble"));
}

void print_worker(Io& io, const OrderedJson& stat) {
  if (!stat.contains("worker")) return;  // a mount of an older version
  const OrderedJson& worker = stat["worker"];
  std::string line = str(text_of(worker, "version"), " as ", text_of(worker, "user"));
  for (const auto& layer : worker["sandbox"]) line += ", " + layer.get<std::string>();
  print_line(io, "worker", line);
  print_line(
      io, "supervisor",
      stat["supervisor_pid"].is_null() ? "none: nobody replaces the worker" : str("process ", stat["supervisor_pid"]));
  if (stat["restarts"] == 0) return;
  print_line(io, "restarted",
             str(stat["restarts"], " times, the last at ", text_of(stat["last_restart"], "at"), ": ",
                 text_of(stat["last_restart"], "cause")));
}

void print_following(Io& io, const OrderedJson& stat) {
  if (!stat.contains("following") || !stat["following"].is_object()) return;
  const OrderedJson& following = stat["following"];
  if (following["interval"].is_null()) {
    print_line(io, "following", "nothing: this snapshot stays");
  } else {
    print_line(io, "following",
               str("looks every ", following["interval"], " s, next at ", text_of(following, "next_check"), "; ",
                   following["switches"], " switches"));
  }
  print_line(io, "held back by", text_of(following, "held_back_by"));
}

std::string seconds_text(const OrderedJson& seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", seconds.get<double>());
  return text;
}

// "83 µs", "1.2 ms", "4.0 s".
std::string duration_text(double seconds) {
  char text[32];
  if (seconds < 1e-3) {
    std::snprintf(text, sizeof text, "%.0f µs", seconds * 1e6);
  } else if (seconds < 1) {
    std::snprintf(text, sizeof text, "%.1f ms", seconds * 1e3);
  } else {
    std::snprintf(text, sizeof text, "%.1f s", seconds);
  }
  return text;
}

void print_sources(Io& io, const OrderedJson& stat) {
  if (!stat.contains("sources")) return;
  for (const OrderedJson& source : stat["sources"]) {
    const std::string proxy = text_of(source, "proxy");
    std::string line =
        str(text_of(source, "url"), proxy.empty() ? "" : " through " + proxy, ": ", text_of(source, "state"));
    if (source.contains("latency_ms") && source["latency_ms"] != 0)
      line += ", " + duration_text(source["latency_ms"].get<double>() / 1e3);
    if (source.contains("requests")) line += str(", ", source["requests"], " requests");
    if (source.contains("errors") && source["errors"] != 0)
      line += str(", ", source["errors"], " errors, last: ", text_of(source, "last_error"));
    print_line(io, "source", line);
  }
}

void print_latency(Io& io, const OrderedJson& stat) {
  if (!stat.contains("latency")) return;
  for (const auto& [operation, waits] : stat["latency"].items()) {
    std::string line;
    for (const char* wait : {"hit", "miss"}) {
      if (!waits.contains(wait)) continue;
      const OrderedJson& each = waits[wait];
      line += str(line.empty() ? "" : "; ", each["count"], wait == std::string("hit") ? " at once (" : " waited (",
                  duration_text(each["median"]), ", 99 % in ", duration_text(each["p99"]), ")");
    }
    print_line(io, ("  " + operation).c_str(), line);
  }
}

void print_stalls(Io& io, const OrderedJson& stat) {
  if (!stat.contains("stalls") || stat["stalls"]["total"] == 0) return;
  const OrderedJson& stalls = stat["stalls"];
  print_line(io, "stalls",
             str(stalls["now_count"], " now, ", stalls["total"], " in all, the longest ",
                 seconds_text(stalls["longest_seconds"])));
  size_t shown = 0;
  for (const OrderedJson& stall : stalls["now"]) {
    if (++shown > kMostStallsShown) break;
    std::string line = text_of(stall, "operation");
    if (!text_of(stall, "path").empty()) line += " of " + text_of(stall, "path");
    line += str(" waits for ", text_of(stall, "waits_for"));
    if (!text_of(stall, "object").empty()) line += " " + text_of(stall, "object").substr(0, 12);
    print_line(io, "", line + ", " + seconds_text(stall["seconds"]));
  }
}

std::string cell(const std::string& text, size_t width) {
  return text + std::string(text.size() < width ? width - text.size() : 1, ' ');
}

// All mounts of this host, a line each.
Status show_all(bool json, Io& io) {
  OrderedJson all = OrderedJson::array();
  if (!json) io.out << "REVISION  READS     PARKED  RESTARTS  STALLS  STATE          MOUNT\n";
  for (const MountAnswer& each : ask_mounts(TRY(chosen_mounts({})), "stat", kTableTimeout)) {
    const OrderedJson stat = each.answer ? OrderedJson::parse(*each.answer, nullptr, false) : OrderedJson();
    if (json) {
      all.push_back(stat.is_object() ? stat
                                     : OrderedJson{{"mount_point", printable(each.mount.path)},
                                                   {"url", each.mount.source},
                                                   {"error", each.answer ? "not JSON" : each.answer.error().message}});
      continue;
    }
    const auto figure = [&](const char* key) { return stat.contains(key) ? stat[key].dump() : std::string("-"); };
    const auto within = [&](const char* key, const char* inner) {
      return stat.contains(key) && stat[key].contains(inner) ? stat[key][inner].dump() : std::string("-");
    };
    std::string state = "ok";
    if (!stat.is_object()) {
      state = each.answer || each.answer.error().code != Code::kPermission ? "no answer" : "not ours";
    } else if (within("stalls", "now_count") != "-" && within("stalls", "now_count") != "0") {
      state = "stalled";
    }
    io.out << cell(figure("revision"), 10) << cell(within("operations", "reads"), 10) << cell(figure("parked"), 8)
           << cell(figure("restarts"), 10) << cell(within("stalls", "total"), 8) << cell(state, 15)
           << printable(each.mount.path) << "  " << each.mount.source << "\n";
  }
  if (json) print_json(io, all);
  return Done{};
}

Status show_mount(const MountPoint& mount, bool json, Io& io) {
  const OrderedJson stat = OrderedJson::parse(TRY(mount_stat(mount)), nullptr, false);
  if (stat.is_discarded()) return Error{Code::kCorrupt, "the mount's answer is not JSON: another version of Granary?"};
  if (json) {
    print_json(io, stat);
    return Done{};
  }
  const OrderedJson& cache = stat["cache"];
  const OrderedJson& fetch = stat["fetch"];
  const OrderedJson& operations = stat["operations"];
  print_line(io, "repository", str(text_of(stat, "name"), " (", text_of(stat, "repository"), ")"));
  print_line(io, "url", text_of(stat, "url"));
  print_line(io, "snapshot",
             str(text_of(stat, "snapshot").substr(0, 12), ", published ", text_of(stat, "published_at")));
  print_line(io, "branch", text_of(stat, "branch"));
  print_line(io, "tag", text_of(stat, "tag"));
  print_line(io, "revision", str(stat["revision"]));
  print_line(io, "tree digest", text_of(stat, "tree_digest"));
  print_line(io, "entries", str(stat["entries"], ", ", bytes_text(stat["bytes"].get<double>())));
  print_line(io, "mounted", str(text_of(stat, "mounted_at"), " by process ", stat["worker_pid"]));
  print_worker(io, stat);
  print_following(io, stat);
  if (const auto offline = stat.find("offline"); offline != stat.end() && *offline == true)
    print_line(io, "offline", "nobody can be reached: what is in the cache can be read");
  if (const auto known = stat.find("freshness"); known != stat.end() && *known == "unknown")
    print_line(io, "freshness", "unknown: the clock is not trusted");
  print_line(io, "stale since", text_of(stat, "stale_since"));
  print_line(io, "withdrawn", text_of(stat, "withdrawn"));
  print_line(io, "cache",
             str(text_of(cache, "dir"), ", ", bytes_text(cache["used"].get<double>()), " of ",
                 bytes_text(cache["quota"].get<double>())));
  if (cache.contains("degraded") && cache["degraded"] == true)
    print_line(io, "", "degraded: the disk refuses, and objects are not kept");
  if (cache.contains("lower_hits") && cache["lower_hits"] != 0)
    print_line(io, "", str(cache["lower_hits"], " objects came from the cache below it"));
  print_pins(io, cache);
  print_sources(io, stat);
  print_fill(io, stat);
  print_line(io, "objects",
             str(fetch["hits"], " hits, ", fetch["misses"], " fetched (",
                 bytes_text(fetch["received_bytes"].get<double>()), "), ", fetch["failures"], " failed"));
  print_line(io, "reads",
             str(operations["reads"], ", ", bytes_text(operations["read_bytes"].get<double>()), ", ",
                 operations["parked_reads"], " waited for an object",
                 stat.contains("parked") && stat["parked"] != 0 ? str(", ", stat["parked"], " do now") : ""));
  print_latency(io, stat);
  if (stat.contains("read_ahead"))
    print_line(io, "read ahead", str(stat["read_ahead"]["asked"], " objects, ", stat["read_ahead"]["used"], " used"));
  print_stalls(io, stat);
  if (stat.contains("profile") && stat["profile"].is_object()) print_profile(io, stat["profile"]);
  if (stat.contains("recording") && stat["recording"].is_object()) {
    const OrderedJson& recording = stat["recording"];
    print_line(io, "recording",
               str("what is touched, since ", text_of(recording, "started_at"), ": ", recording["directories"],
                   " directories, ", recording["files"], " files", recording["truncated"] ? ", full" : ""));
  }
  print_line(io, "last failure", text_of(stat, "last_failure"));
  std::string lines = text_of(stat, "log");
  if (stat.contains("log_lines")) {
    const OrderedJson& counts = stat["log_lines"];
    const uint64_t lost = counts["dropped"].get<uint64_t>() + counts["lost"].get<uint64_t>();
    if (lost > 0) lines += str(", ", lost, " lines could not be written");
  }
  print_line(io, "log", lines);
  return Done{};
}

// A repository at hand, or any URL: what its head says. Nobody's trust is asked for, so none is claimed.
Status show_repository(const std::string& place, const SourceOptions& sources, bool json, Io& io) {
  const std::string url = TRY(repository_url(place));
  ConnectionOptions how;
  how.url = url;
  TRY(lead_to_sources(how, sources));
  const auto connection = TRY(Connection::open(how));
  ViewOptions options;
  options.url = url;
  options.archive = true;
  const auto view = TRY(RepositoryView::open(connection->fetcher(), options));
  const Record& record = view->head().record();
  OrderedJson branches = OrderedJson::object();
  size_t cook_branches = 0;
  for (const auto& [name, envelope] : record.branches) {
    if (is_cook_branch(name)) {
      ++cook_branches;
      continue;
    }
    const Statement statement = TRY(Statement::parse(envelope.payload));
    const Snapshot snapshot = TRY(view->snapshot(statement.snapshot));
    branches[name] = {{"snapshot", statement.snapshot.hex()},
                      {"tree_digest", statement.tree.hex()},
                      {"published_at", format_utc(statement.time)},
                      {"entries", snapshot.entries},
                      {"bytes", snapshot.bytes}};
  }
  const size_t tags = TRY(view->names()).tags.size();
  const OrderedJson stat{{"repository", record.repository},
                         {"name", record.name},
                         {"url", url},
                         {"revision", record.revision},
                         {"committed_at", format_utc(record.time)},
                         {"expires_at", format_utc(view->head().timestamp().expires)},
                         {"stale", view->head().stale_since().has_value()},
                         {"branches", branches},
                         {"cook_branches", cook_branches},
                         {"tags", tags}};
  if (json) {
    print_json(io, stat);
    return Done{};
  }
  print_line(io, "repository", str(record.name, " (", record.repository, ")"));
  print_line(io, "url", url);
  print_line(io, "revision", str(record.revision, ", committed ", format_utc(record.time)));
  print_line(io, stat["stale"] ? "stale since" : "fresh until", text_of(stat, "expires_at"));
  for (const auto& [name, branch] : branches.items()) {
    print_line(io, "branch",
               str(name, " at ", text_of(branch, "snapshot").substr(0, 12), ", ", text_of(branch, "published_at"), ", ",
                   branch["entries"], " entries, ", bytes_text(branch["bytes"].get<double>())));
  }
  if (cook_branches > 0)
    print_line(io, "cooks", str(cook_branches, " cached layers and evidence: `granary branch --all` lists them"));
  print_line(io, "tags", str(stat["tags"]));
  return Done{};
}

Status show(const Options& options, Io& io) {
  if (options.place.empty()) return show_all(options.json, io);
  const bool is_url = options.place.find("://") != std::string::npos;
  if (!is_url) {
    if (const auto mount = find_mount_or_name(options.place)) return show_mount(*mount, options.json, io);
    if (::access((options.place + "/head.json").c_str(), F_OK) != 0)
      return Error{Code::kNotFound, "neither a Granary mount nor a repository: " + printable(options.place)};
  }
  return show_repository(options.place, options.sources, options.json, io);
}

Status run(const Options& options, Io& io) {
  if (!options.watch) return show(options, io);
  const Interrupted interrupted;
  while (!Interrupted::now()) {
    std::ostringstream page;
    Io on_page{page, io.err};
    const Status shown = show(options, on_page);
    io.out << "\x1b[H\x1b[2J" << (shown ? page.str() : shown.error().message + "\n") << std::flush;
    std::this_thread::sleep_for(std::chrono::seconds(2));
  }
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("PLACE", options->place, "a mount point, or a repository: its directory or URL; none: all mounts");
  add_source_options(app, options->sources);
  app.add_flag("--json", options->json, "one JSON document; its keys are stable");
  app.add_flag("--watch", options->watch, "show it again every two seconds");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kStatCommand{
    "stat", "show how a mount or a repository is",
    "For a mount: what is mounted from where, who answers for it, the cache, each source, how long "
    "requests took,\nwhat is stalled, and the last failure. Asks the\n"
    "process behind the mount, apart from the path of its data. For a repository: its branches "
    "and how fresh its head is.",
    "granary stat  # all mounts of this host, a line each\ngranary stat /mnt\ngranary stat --watch /mnt\ngranary stat "
    "--json /mnt | jq .cache\ngranary stat /srv/repo\n",
    define};

}  // namespace granary
