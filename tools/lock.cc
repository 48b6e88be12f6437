// `lock`: resolves a recipe, or a bare list of packages, to a lock.
#include "builder/archive/apt_archives.h"
#include "builder/closure/clasp.h"
#include "builder/closure/resolve.h"
#include "builder/cook/evidence.h"
#include "builder/debian/control.h"
#include "builder/recipe/load.h"
#include "fs/base/file.h"
#include "tools/commands.h"
#include "tools/cook_request.h"
#include "tools/format.h"
#include "tools/progress.h"

namespace granary {

namespace {
constexpr size_t kMaxListBytes = 16 << 20;

struct Options {
  std::string recipe;
  std::string packages_from;
  std::string suite;
  std::string architecture;
  std::string output;
  std::string cache;
  bool json = false;
};

// Names one a line; what follows a # is a comment.
Result<Recipe> recipe_of_list(const Options& options) {
  if (options.suite.empty())
    return Error{Code::kInvalid, "a list of packages needs a suite: add --suite bookworm, or another"};
  const Bytes text =
      TRY_WITHIN("cannot read the list of packages",
                 read_file(options.packages_from == "-" ? "/dev/stdin" : options.packages_from, kMaxListBytes));
  Recipe recipe;
  recipe.name = "packages";
  recipe.suite = options.suite;
  recipe.architecture = options.architecture;
  recipe.wishes.push_back({recipe.name, {}, {}});
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view line = next_line(rest);
    line = trimmed(line.substr(0, line.find('#')));
    if (!line.empty()) recipe.wishes.front().packages.emplace_back(line);
  }
  return recipe;
}

Result<Recipe> wanted_recipe(const Options& options) {
  if (options.recipe.empty() == options.packages_from.empty())
    return Error{Code::kInvalid, "name a recipe, or a list of packages with --packages-from: one of them"};
  if (!options.packages_from.empty()) return recipe_of_list(options);
  return load_recipe(options.recipe, {options.suite, options.architecture});
}

Status write_lock(const Bytes& text, const std::string& path, Io& io) {
  if (path != "-") return TRY_WITHIN("cannot write the lock", replace_file(path, text, 0644, Durability::kDurable));
  io.out << text;
  return Done{};
}

OrderedJson as_json(const Resolved& resolved, const std::string& path) {
  const Lock& lock = resolved.lock;
  OrderedJson suites = OrderedJson::array();
  for (const LockedRelease& release : lock.releases) suites.push_back(release.suite);
  const ResolveTimes& times = resolved.times;
  return {{"lock", path},
          {"digest", lock.digest().hex()},
          {"packages", lock.package_count},
          {"skipped_newer", lock.skipped_newer},
          {"solver", lock.solver},
          {"source_date", format_utc(lock.source_date_epoch)},
          {"suites", suites},
          {"layers", lock.layers},
          {"known_packages", resolved.known_packages},
          {"variables", resolved.variables},
          {"clauses", resolved.clauses},
          {"open_variables", resolved.open_variables},
          {"open_clauses", resolved.open_clauses},
          {"seconds",
           {{"fetch", times.fetch},
            {"parse", times.parse},
            {"reduce", times.reduce},
            {"solve", times.solve},
            {"lock", times.lock}}},
          {"notes", resolved.notes}};
}

void print(const Resolved& resolved, const std::string& path, Io& io) {
  const Lock& lock = resolved.lock;
  uint64_t bytes = 0;
  for (const LockedPackage& package : lock.packages) bytes += package.size_bytes;
  for (const std::string& note : resolved.notes) io.err << "note: " << note << "\n";
  io.out << "locked " << human_count(lock.package_count) << " packages (" << human_bytes(bytes) << " to fetch) of "
         << human_count(resolved.known_packages) << " known, as of " << format_utc(lock.source_date_epoch) << "\n"
         << "the best there are: " << human_count(lock.skipped_newer) << " newer versions passed over, proved by "
         << lock.solver << "\n"
         << path << "  " << lock.digest().brief() << "\n";
}

Status run(const Options& options, Io& io) {
  const Recipe recipe = TRY(wanted_recipe(options));
  const std::string cache = options.cache.empty() ? default_cook_cache() : options.cache;
  AptArchives source(TRY(AptSources::of_host()), cache);
  Clasp clasp;
  Progress progress(io);
  const Resolved resolved =
      TRY_WITHIN("cannot resolve " + printable(recipe.name),
                 resolve(recipe, source, clasp,
                         {cache, Clock::system().now(), [&](const std::string& step) { progress.show(step); }}));
  progress.clear();
  const std::string beside = place_of_lock(options.recipe.empty() ? recipe.name : options.recipe);
  const std::string path = options.output.empty() ? beside : options.output;
  for (const SignedSuite& release : resolved.releases) keep_inrelease(cache, release.inrelease);  // for --archive
  TRY(write_lock(resolved.lock.serialise(), path, io));
  if (path == "-") return Done{};
  if (options.json) {
    print_json(io, as_json(resolved, path));
  } else {
    print(resolved, path, io);
  }
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("RECIPE", options->recipe, "a recipe's file, or the name of a ready-made one");
  app.add_option("--packages-from", options->packages_from,
                 "instead of a recipe: a file of package names, one a line, # for comments (-: standard input)");
  app.add_option("--suite", options->suite, "the suite, such as bookworm; instead of the recipe's");
  app.add_option("--architecture", options->architecture, "the architecture, such as amd64; instead of the recipe's");
  app.add_option("-o,--output", options->output,
                 "the lock to write (-: standard output); else beside the recipe, as NAME.lock");
  app.add_option("--cache", options->cache, "the folder that keeps downloads, instead of this machine's");
  app.add_flag("--json", options->json, "print JSON: counts, solver, and where the seconds went");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kLockCommand{
    "lock", "resolve a recipe to a lock: every package by version and digest",
    "Fetches the archives' signed indices (always asking whether they are still the newest), checks their signatures, "
    "and "
    "finds the set of packages that satisfies the recipe: as new as can be, then as few as can be, proved. The lock "
    "says exactly what that is; the same recipe and the same indices give the same lock, byte for byte. A list that "
    "cannot be had is explained, with the wishes to drop. Needs no root. Archives are found among apt's sources on "
    "this machine unless the recipe names its own.",
    "granary lock ./worker.toml\ngranary lock standard --suite trixie -o standard.lock\n"
    "granary lock --packages-from list.txt --suite bookworm -o list.lock --json",
    define};

}  // namespace granary
