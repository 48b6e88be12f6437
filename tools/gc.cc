// `gc`: sets aside what nothing reaches, and deletes it after a time of grace.
#include "server/collector.h"

#include "tools/command.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/progress.h"

namespace granary {

namespace {
struct Options {
  CollectOptions collect;
  std::vector<std::string> keep;
  std::string notice = "14d";
  std::string grace = "7d";
  std::string cook_layers_older = "30d";
  bool json = false;
};

// "0" is a time too, here.
Result<int64_t> parse_time(const std::string& text) {
  if (text == "0") return 0;
  return parse_duration_seconds(text);
}

std::string limit_of(const Retention& retention) {
  return retention.keep_last ? str("the last ", *retention.keep_last, " snapshots")
                             : str("the snapshots of the last ", *retention.keep_seconds / 86400, " days (",
                                   *retention.keep_seconds, " s)");
}

void print(const Collected& collected, const Options& options, Io& io) {
  if (options.json) {
    OrderedJson announced = OrderedJson::array();
    for (const auto& [branch, retention] : collected.announced)
      announced.push_back({{"branch", branch}, {"effective", format_utc(retention.effective)}});
    print_json(io, {{"revision", collected.revision},
                    {"dry_run", options.collect.dry_run},
                    {"announced", std::move(announced)},
                    {"snapshots", collected.snapshots},
                    {"live_objects", collected.live_objects},
                    {"quarantined", collected.quarantined},
                    {"quarantined_bytes", collected.quarantined_bytes},
                    {"restored", collected.restored},
                    {"deleted", collected.deleted},
                    {"deleted_bytes", collected.deleted_bytes},
                    {"waiting", collected.waiting},
                    {"waiting_bytes", collected.waiting_bytes},
                    {"swept", collected.swept},
                    {"evicted_cook_layers", collected.evicted.layers},
                    {"evicted_cook_evidence", collected.evicted.evidence}});
    return;
  }
  const std::string would = options.collect.dry_run ? "would be " : "";
  for (const auto& [branch, retention] : collected.announced)
    io.out << "announced: branch " << branch << " keeps " << limit_of(retention) << " from "
           << format_utc(retention.effective) << " on; tag what shall stay\n";
  io.out << "reached      " << human_count(collected.live_objects) << " objects of " << human_count(collected.snapshots)
         << " snapshots\n"
         << "quarantined  " << human_count(collected.quarantined) << " objects " << would << "set aside, "
         << human_bytes(collected.quarantined_bytes) << "\n"
         << "deleted      " << human_count(collected.deleted) << " objects " << would << "gone for good, "
         << human_bytes(collected.deleted_bytes) << "; " << human_count(collected.waiting) << " wait in quarantine, "
         << human_bytes(collected.waiting_bytes) << "\n";
  if (collected.evicted.layers + collected.evicted.evidence > 0)
    io.out << "evicted      " << human_count(collected.evicted.layers) << " cached layers of cooks and the evidence of "
           << human_count(collected.evicted.evidence) << " forgotten snapshots " << would << "let go\n";
  if (collected.restored > 0) io.out << "restored     " << human_count(collected.restored) << " objects\n";
  if (collected.swept > 0)
    io.out << "swept        " << human_count(collected.swept) << " leftovers of dead processes\n";
}

Status run(const Options& options, Io& io) {
  CollectOptions collect_options = options.collect;
  for (const std::string& text : options.keep) {
    const auto [branch, retention] = TRY(parse_retention(text));
    collect_options.keep[branch] = retention;
  }
  collect_options.notice_seconds = TRY(parse_time(options.notice));
  collect_options.grace_seconds = TRY(parse_time(options.grace));
  collect_options.cook_layers_older_seconds = TRY(parse_time(options.cook_layers_older));
  Progress progress(io);
  const Collected collected = TRY(collect(collect_options, [&](const CollectProgress& at) {
    progress.show(str(at.step, ": ", human_count(at.done), " of ", human_count(at.total)));
  }));
  progress.clear();
  if (!collected.eviction_failure.empty())
    io.err << "cached layers of cooks were left alone: " << collected.eviction_failure << "\n";
  print(collected, options, io);
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("DIR", options->collect.directory, "the repository, or a mirror of one")->required();
  app.add_option("--keep", options->keep,
                 "announce that a branch keeps so many snapshots (main=5), or those of so long (main=30d)")
      ->type_name("BRANCH=LIMIT");
  app.add_option("--notice", options->notice, "how long before an announced retention takes effect; 0 is at once")
      ->default_val("14d");
  app.add_option("--grace", options->grace,
                 "how long objects lie in quarantine before they are deleted; 0 is not at all")
      ->default_val("7d");
  app.add_option("--cook-layers-older", options->cook_layers_older,
                 "let go of cached layers that no cook has used for so long; 0 is all but those of the last hour")
      ->default_val("30d");
  app.add_flag("-n,--dry-run", options->collect.dry_run, "announce, move and delete nothing: only count");
  app.add_option("-j,--jobs", options->collect.jobs, "threads (default: one a core)")->check(CLI::Range(1, 256));
  app.add_flag("--json", options->json, "print the result as a JSON object");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kGcCommand{
    "gc", "take away what nothing reaches",
    "Branches reach all their history and tags their snapshots: none of that is ever taken away. Shortening a branch's "
    "history is announced first: --keep signs it into the head, where clients see it coming, and only a collection "
    "after "
    "that date acts on it. Objects that nothing reaches are set aside in quarantine and deleted after a time of grace; "
    "a "
    "publish under way that counted on one takes it back. Layers that cooking cached go when no cook has used them for "
    "--cook-layers-older, and what a snapshot was cooked from goes with the snapshot.",
    "granary gc /srv/sw\ngranary gc /srv/sw --dry-run\ngranary gc /srv/sw --keep main=30d  # announces; the next runs "
    "act",
    define};

}  // namespace granary
