// `stat`: how a mount or a repository is.
#include "fs/client/connection.h"
#include "fs/client/mount_client.h"
#include "fs/client/repository_view.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/source_options.h"

namespace granary {

namespace {
struct Options {
  std::string place;
  SourceOptions sources;
  bool json = false;
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
  print_line(io, "stale since", text_of(stat, "stale_since"));
  print_line(io, "withdrawn", text_of(stat, "withdrawn"));
  print_line(io, "cache",
             str(text_of(cache, "dir"), ", ", bytes_text(cache["used"].get<double>()), " of ",
                 bytes_text(cache["quota"].get<double>())));
  print_pins(io, cache);
  print_fill(io, stat);
  print_line(io, "objects",
             str(fetch["hits"], " hits, ", fetch["misses"], " fetched (",
                 bytes_text(fetch["received_bytes"].get<double>()), "), ", fetch["failures"], " failed"));
  print_line(io, "reads",
             str(operations["reads"], ", ", bytes_text(operations["read_bytes"].get<double>()), ", ",
                 operations["parked_reads"], " waited for an object"));
  if (stat.contains("profile") && stat["profile"].is_object()) print_profile(io, stat["profile"]);
  if (stat.contains("recording") && stat["recording"].is_object()) {
    const OrderedJson& recording = stat["recording"];
    print_line(io, "recording",
               str("what is touched, since ", text_of(recording, "started_at"), ": ", recording["directories"],
                   " directories, ", recording["files"], " files", recording["truncated"] ? ", full" : ""));
  }
  print_line(io, "last failure", text_of(stat, "last_failure"));
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
  for (const auto& [name, envelope] : record.branches) {
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
  print_line(io, "tags", str(stat["tags"]));
  return Done{};
}

Status run(const Options& options, Io& io) {
  const bool is_url = options.place.find("://") != std::string::npos;
  if (!is_url) {
    if (const auto mount = find_mount(options.place)) return show_mount(*mount, options.json, io);
    if (::access((options.place + "/head.json").c_str(), F_OK) != 0)
      return Error{Code::kNotFound, "neither a Granary mount nor a repository: " + printable(options.place)};
  }
  return show_repository(options.place, options.sources, options.json, io);
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("PLACE", options->place, "a mount point, or a repository: its directory or URL")->required();
  add_source_options(app, options->sources);
  app.add_flag("--json", options->json, "one JSON document; its keys are stable");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kStatCommand{"stat", "show how a mount or a repository is",
                           "For a mount: what is mounted from where, the cache, counters of fetches and reads, and the "
                           "last failure. Asks the\n"
                           "process behind the mount, apart from the path of its data. For a repository: its branches "
                           "and how fresh its head is.",
                           "granary stat /mnt\ngranary stat --json /mnt | jq .cache\ngranary stat /srv/repo\n", define};

}  // namespace granary
