// `log`: the history of a branch, or of the whole repository.
#include "fs/format/profile.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/reading.h"

namespace granary {

namespace {
struct Options {
  ReadingOptions reading;
  std::string start = "main";
  uint64_t limit = 0;
  bool records = false;
  bool json = false;
};

// Tags by snapshot.
Result<std::multimap<SnapshotId, std::string>> tags_of(const Names& names) {
  std::multimap<SnapshotId, std::string> tags;
  for (const auto& [name, envelope] : names.tags) tags.emplace(TRY(Statement::parse(envelope.payload)).snapshot, name);
  return tags;
}

void show_snapshot(const SnapshotId& id, const Snapshot& snapshot, const Names& names, const Profiles& profiles,
                   const std::vector<std::string>& tags, const Options& options, Io& io) {
  const auto withdrawal = names.withdrawn.find(id);
  const bool withdrawn = withdrawal != names.withdrawn.end();
  if (options.json) {
    OrderedJson json{{"snapshot", id.hex()},
                     {"tree_digest", snapshot.tree.hex()},
                     {"time", format_utc(snapshot.time)},
                     {"branch", snapshot.branch},
                     {"message", snapshot.message},
                     {"entries", snapshot.entries},
                     {"bytes", snapshot.bytes},
                     {"tags", tags},
                     {"parents", OrderedJson::array()},
                     {"catalog", snapshot.catalog.hex()}};
    for (const SnapshotId& parent : snapshot.parents) json["parents"].push_back(parent.hex());
    json["profiles"] = OrderedJson::array();
    for (const auto& [name, profile] : profiles.by_name) json["profiles"].push_back(name);
    if (withdrawn) json["withdrawn"] = withdrawal->second.reason;
    print_json(io, json);
    return;
  }
  io.out << "snapshot " << id;
  for (const std::string& tag : tags) io.out << "  tag:" << tag;
  for (const auto& [name, profile] : profiles.by_name) io.out << "  profile:" << name;
  io.out << "\n  " << format_utc(snapshot.time) << "  " << snapshot.branch << "  " << human_count(snapshot.entries)
         << " entries, " << human_bytes(snapshot.bytes) << "\n  tree digest " << snapshot.tree << "\n";
  if (withdrawn) io.out << "  WITHDRAWN: " << printable(withdrawal->second.reason) << "\n";
  if (!snapshot.message.empty()) io.out << "  " << printable(snapshot.message) << "\n";
}

Status show_history(Reading& reading, const Options& options, Io& io) {
  ResolvedSnapshot start = TRY(reading.resolve(options.start));
  const Names names = TRY(reading.view().names());
  const auto tags = TRY(tags_of(names));
  SnapshotId id = start.id;
  Snapshot snapshot = std::move(start.snapshot);
  for (uint64_t shown = 1; io.out; ++shown) {
    std::vector<std::string> own_tags;
    for (auto [it, end] = tags.equal_range(id); it != end; ++it) own_tags.push_back(it->second);
    show_snapshot(id, snapshot, names, profiles_of(reading.view().head().root(), names, id), own_tags, options, io);
    if (snapshot.parents.empty() || shown == options.limit) return Done{};
    id = snapshot.parents.front();
    auto older = reading.view().snapshot(id);
    if (!older && older.error().code == Code::kNotFound) return Done{};  // let go by a retention, or not mirrored
    snapshot = TRY(std::move(older));
  }
  return Done{};
}

std::string action_text(const Record& record) {
  std::string text;
  for (const auto& [name, value] : record.action) {
    if (name == "do" || value.text() == nullptr) continue;
    const std::string shown = value.text()->size() == 64 ? value.text()->substr(0, 12) : *value.text();
    text += " " + name + "=" + printable(shown);
  }
  const auto verb = record.action.find("do");
  const bool named = verb != record.action.end() && verb->second.text() != nullptr;
  return (named ? printable(*verb->second.text()) : "?") + text;
}

Status show_records(Reading& reading, const Options& options, Io& io) {
  Record record = reading.view().head().record();
  RecordDigest digest = reading.view().head().record_digest();
  for (uint64_t shown = 1; io.out; ++shown) {
    if (options.json) {
      print_json(io, {{"revision", record.revision},
                      {"time", format_utc(record.time)},
                      {"record", digest.hex()},
                      {"action", OrderedJson::parse(JsonValue(record.action).canonical())}});
    } else {
      io.out << record.revision << "  " << format_utc(record.time) << "  " << action_text(record) << "\n";
    }
    if (record.revision == 1 || shown == options.limit) return Done{};
    digest = *record.previous;
    record = TRY(reading.view().record(record.revision - 1));
  }
  return Done{};
}

Status run(const Options& options, Io& io) {
  const auto reading = TRY(Reading::open(options.reading, TRY(selector_of(options.start)), io));
  return options.records ? show_records(*reading, options, io) : show_history(*reading, options, io);
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  add_reading_options(app, options->reading);
  app.add_option("SNAPSHOT", options->start, "where to begin: a branch, tag, snapshot id, main@DATE or main~N")
      ->default_val("main");
  app.add_option("-n,--limit", options->limit, "show at most so many");
  app.add_flag("--records", options->records, "the head log instead: every commit to any branch or tag, newest first");
  app.add_flag("--json", options->json, "one JSON object a line");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kLogCommand{
    "log", "show the history of a branch",
    "Newest first: snapshot ids, times, tree digests, tags, messages, and why a snapshot was withdrawn.",
    "granary log /srv/sw\ngranary log -n 1 --json http://server:8000 --trust sw.trust\ngranary log --records /srv/sw",
    define};

}  // namespace granary
