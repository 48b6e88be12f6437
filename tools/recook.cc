// `recook`: cooks a snapshot again from what was kept beside it, and compares.
#include "builder/cook/recook.h"

#include <filesystem>

#include "builder/archive/apt_archives.h"
#include "tools/commands.h"
#include "tools/cook_request.h"
#include "tools/format.h"
#include "tools/programs.h"
#include "tools/reading.h"
#include "tools/repository_option.h"

namespace granary {

namespace {
struct Options {
  std::string repository;
  std::string snapshot = "main";
  RecookOptions recook;
  bool reference = false;
  bool json = false;
};

OrderedJson difference_json(const TreeDifference& difference) {
  OrderedJson json{{"path", difference.path}, {"change", difference.change}};
  if (!difference.parts.empty()) json["parts"] = difference.parts;
  if (!difference.package.empty()) json["package"] = difference.package;
  json["why"] = difference.why;
  return json;
}

void print_json_answer(const Recooked& recooked, bool offline, Io& io) {
  OrderedJson differences = OrderedJson::array();
  for (const TreeDifference& difference : recooked.comparison.differences)
    differences.push_back(difference_json(difference));
  print_json(io, {{"snapshot", recooked.snapshot.hex()},
                  {"identical", recooked.identical()},
                  {"tree_digest", recooked.tree.hex()},
                  {"recooked_tree_digest", recooked.again.hex()},
                  {"lock_digest", recooked.lock.hex()},
                  {"offline", offline},
                  {"difference_count", recooked.comparison.count},
                  {"differences", std::move(differences)},
                  {"layers", layers_json(recooked.layers)},
                  {"seconds", recooked.seconds}});
}

void print(const Recooked& recooked, const Options& options, Io& io) {
  if (options.json) return print_json_answer(recooked, options.recook.offline, io);
  if (recooked.identical()) {
    io.out << "identical: snapshot " << recooked.snapshot.brief() << ", cooked again"
           << (options.recook.offline ? " without a network" : "") << " in " << seconds_text(recooked.seconds)
           << "\n  tree digest  " << recooked.tree << "\n";
    return;
  }
  io.out << "different: snapshot " << recooked.snapshot.brief() << ", cooked again in "
         << seconds_text(recooked.seconds) << "\n  tree digest  " << recooked.tree << " then\n               "
         << recooked.again << " now\n  " << human_count(recooked.comparison.count) << " paths differ:\n";
  for (const TreeDifference& difference : recooked.comparison.differences) {
    io.out << "  " << difference.path << "  " << difference.change;
    for (size_t i = 0; i < difference.parts.size(); ++i) io.out << (i == 0 ? ": " : ", ") << difference.parts[i];
    io.out << "  (" << difference.why << ")\n";
  }
  if (recooked.comparison.count > recooked.comparison.differences.size()) io.out << "  ...\n";
}

Status run(const Options& options, Io& io) {
  const auto repository = TRY(Repository::open(options.repository));
  const auto reading = TRY(Reading::open({options.repository, {}, true, true}, TRY(selector_of(options.snapshot)), io));
  const ResolvedSnapshot snapshot = TRY(reading->resolve(options.snapshot));
  RecookOptions how = options.recook;
  how.cache = std::filesystem::absolute(how.cache.empty() ? default_cook_cache() : how.cache).string();
  how.mount_program = TRY(find_program("granary-mount"));
  how.mode = options.reference ? InstallMode::kReference : InstallMode::kFast;
  std::optional<AptArchives> archives;
  if (!how.offline) archives.emplace(TRY(AptSources::of_host()), how.cache);
  how.fallback = archives ? &*archives : nullptr;
  Progress progress(io);
  how.on_progress = [&](const CookProgress& at) { show_cook_progress(progress, at); };
  const Recooked recooked =
      TRY_WITHIN("cannot cook snapshot " + snapshot.id.brief() + " again", recook(*repository, snapshot.id, how));
  progress.clear();
  print(recooked, options, io);
  if (recooked.identical()) return Done{};
  return Error{static_cast<Code>(1), "the tree that was cooked now is not the one that was published"};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("DIR", options->repository, "the repository")->required();
  app.add_option("SNAPSHOT", options->snapshot, "a branch, tag, snapshot id, main@DATE or main~N")->default_val("main");
  accept_repository_option(app, options->repository, options->snapshot);
  app.add_flag("--offline", options->recook.offline, "without any network: from what was kept alone");
  app.add_flag("--reference", options->reference, "leave unpacking to dpkg itself");
  app.add_option("--cache", options->recook.cache, "where to work; nothing that is cached there is used");
  app.add_flag("--json", options->json, "print the result as a JSON object");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kRecookCommand{
    "recook", "cook a snapshot again from its evidence, and compare",
    "Takes the lock, the signed indices, the keys and the packages that `granary cook --archive` kept beside the "
    "snapshot, verifies them, cooks them in a repository of its own that is thrown away, and compares the tree "
    "digests. Says `identical`, with exit status 0, or which paths differ, whose they are and why, with exit status 1. "
    "Nothing is published. With --offline the whole of it runs without a network. Without it, packages that were not "
    "kept are fetched as the lock names them, if the archive still has them. Needs root.",
    "granary recook /srv/os --offline\ngranary recook /srv/os web-1 --offline --json\ngranary recook /srv/os main~3",
    define};

}  // namespace granary
