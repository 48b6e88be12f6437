// `cook`: from a recipe to a snapshot: resolve, fetch, layers, tests, publish.
#include "builder/cook/cook.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "builder/archive/apt_archives.h"
#include "builder/closure/clasp.h"
#include "builder/closure/resolve.h"
#include "builder/cook/evidence.h"
#include "builder/recipe/load.h"
#include "builder/recipe/recipe_json.h"
#include "fs/base/file.h"
#include "tools/commands.h"
#include "tools/cook_request.h"
#include "tools/format.h"
#include "tools/programs.h"

namespace granary {

namespace {
constexpr size_t kMaxLockBytes = size_t{256} << 20;
constexpr size_t kMaxRecipeBytes = size_t{16} << 20;

struct Options {
  std::string recipe;
  RecipeOverrides overrides;
  std::string repository;
  std::string lock;
  bool locked = false;
  bool no_lock = false;
  bool reference = false;
  bool no_tests = false;
  bool shell = false;
  bool json = false;
  CookOptions cook;
};

std::string lock_path(const Options& options) {
  return options.lock.empty() ? place_of_lock(options.recipe) : options.lock;
}

// ---- the lock

Result<Lock> read_lock(const std::string& path) {
  return TRY_WITHIN("lock " + printable(path), Lock::parse(TRY(read_file(path, kMaxLockBytes))));
}

// Locks are JSON; no recipe begins with a brace.
bool is_lock(const std::string& path) {
  std::ifstream file(path);
  return path.ends_with(".lock") || file.peek() == '{';
}

// A lock that was asked for is taken as it is, unless the recipe has been changed since.
Result<Lock> take_lock(const Options& options) {
  const std::string path = lock_path(options);
  auto taken = read_lock(path);
  if (!taken && taken.error().code == Code::kNotFound)
    return Error{Code::kNotFound, str("there is no lock ", printable(path), ": `granary lock ",
                                      printable(options.recipe), "` makes one; without --locked, cook does")};
  if (!taken) return taken.error();
  Lock lock = *std::move(taken);
  if (options.recipe.empty()) return lock;
  const Recipe recipe = TRY(load_recipe(options.recipe, options.overrides));
  if (recipe_digest(recipe) == lock.recipe_digest) return lock;
  return Error{Code::kInvalid,
               str("lock ", printable(path), " was made from another state of recipe ", printable(options.recipe),
                   ": make it anew with `granary lock ", printable(options.recipe), "`, or cook without --locked")};
}

// Same packages, same accounts: only the indices were signed anew since.
bool is_same_apart_from_dates(const Lock& before, const Lock& after) {
  Lock dated = after;
  dated.source_date_epoch = before.source_date_epoch;
  dated.releases = before.releases;
  dated.indices = before.indices;
  if (dated.packages.size() != before.packages.size() || after.releases.size() != before.releases.size()) return false;
  for (size_t i = 0; i < dated.packages.size(); ++i) dated.packages[i].index = before.packages[i].index;
  dated.solver = before.solver;
  return dated == before;
}

// The archive signs its indices anew every few hours. As long as that changes no package, the lock that is there stays,
// and with it everything that was cooked from it.
Result<Lock> resolve_lock(const Options& options, PackageSource& source, Progress& progress, Io& io) {
  const Recipe recipe = TRY(load_recipe(options.recipe, options.overrides));
  Clasp clasp;
  ResolveOptions how;
  how.cache = options.cook.cache;
  how.now = Clock::system().now();
  how.on_step = [&](const std::string& step) { progress.show(step); };
  const Resolved resolved =
      TRY_WITHIN("cannot resolve recipe " + printable(options.recipe), resolve(recipe, source, clasp, how));
  progress.clear();
  for (const std::string& note : resolved.notes) io.err << "note: " << note << "\n";
  for (const SignedSuite& release : resolved.releases) keep_inrelease(options.cook.cache, release.inrelease);
  if (options.no_lock) return resolved.lock;
  const auto before = read_lock(lock_path(options));
  if (before && is_same_apart_from_dates(*before, resolved.lock)) return *before;
  const Status written = replace_file(lock_path(options), resolved.lock.serialise(), 0644, Durability::kDurable);
  if (!written) io.err << "the lock could not be kept: " << written.error().message << "\n";
  return resolved.lock;
}

// ---- what came of it

void print(const Cooked& cooked, const Options& options, double resolve_seconds, Io& io) {
  const bool keeps_lock = options.locked || !options.no_lock;
  if (options.json) {
    OrderedJson seconds{{"resolve", resolve_seconds}};
    for (const auto& [stage, took] : cooked.stages) seconds[stage] = took;
    OrderedJson json{{"snapshot", cooked.snapshot.hex()},
                     {"tree_digest", cooked.tree.hex()},
                     {"lock_digest", cooked.lock.hex()},
                     {"branch", cooked.branch},
                     {"changed", cooked.changed},
                     {"archived", cooked.archived},
                     {"layers", layers_json(cooked.layers)},
                     {"seconds", std::move(seconds)}};
    if (!options.cook.tag.empty()) json["tag"] = options.cook.tag;
    if (keeps_lock) json["lock"] = lock_path(options);
    print_json(io, json);
    return;
  }
  io.out << (cooked.changed ? "cooked snapshot " : "nothing changed: snapshot ") << cooked.snapshot.brief()
         << (cooked.changed ? " on branch " : " is on branch ") << cooked.branch << (cooked.changed ? "" : " already")
         << "\n"
         << "  tree digest  " << cooked.tree << "\n"
         << "  lock         " << cooked.lock.brief() << (keeps_lock ? "  " + printable(lock_path(options)) : "")
         << "\n";
  print_layers(cooked.layers, options.cook.explain, io);
  std::string stages = resolve_seconds > 0 ? "resolve " + seconds_text(resolve_seconds) : "";
  for (const auto& [stage, took] : cooked.stages) {
    if (took >= 0.0005) stages += (stages.empty() ? "" : ", ") + stage + " " + seconds_text(took);
  }
  if (!stages.empty()) io.out << "  " << stages << "\n";
  if (cooked.archived) io.out << "  archived: `granary recook --offline` can cook it again\n";
}

Result<CookOptions> cook_options(const Options& options, Progress& progress) {
  CookOptions how = options.cook;
  how.mount_program = TRY(find_program("granary-mount"));
  how.mode = options.reference ? InstallMode::kReference : InstallMode::kFast;
  how.run_tests = !options.no_tests;
  how.on_progress = [&progress](const CookProgress& at) { show_cook_progress(progress, at); };
  if (const auto text = read_file(options.recipe, kMaxRecipeBytes)) how.recipe_text = *text;
  return how;
}

Status run_cook(const Options& options, Io& io) {
  const auto repository = TRY(Repository::open(options.repository));
  Progress progress(io);
  const auto start = std::chrono::steady_clock::now();
  std::optional<AptArchives> archives;
  if (!options.locked) archives.emplace(TRY(AptSources::of_host()), options.cook.cache);
  const Lock lock = options.locked ? TRY(take_lock(options)) : TRY(resolve_lock(options, *archives, progress, io));
  const double resolve_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const CookOptions how = TRY(cook_options(options, progress));
  std::optional<Cooked> cooked = find_cooked(*repository, TRY(repository->read()), lock, how);
  if (!cooked) {
    if (!archives) archives.emplace(TRY(AptSources::of_host()), options.cook.cache);
    cooked = TRY(cook(*repository, lock, &*archives, how));
  }
  progress.clear();
  print(*cooked, options, resolve_seconds, io);
  return Done{};
}

Status open_shell(const Options& options, Io& io) {
  const std::string program = TRY(find_program("granary-mount"));
  io.err << "this is the tree as the failed script left it; leave with exit\n";
  std::vector<std::string> shell{"/bin/sh"};
  if (::isatty(STDIN_FILENO) != 0) shell.emplace_back("-i");
  const int status = TRY(enter_failure(options.cook.cache, program, shell));
  io.err << "left with status " << status << "; the tree is still kept\n";
  return Done{};
}

Status run(const Options& given, Io& io) {
  Options options = given;
  std::string& cache = options.cook.cache;  // mounts need it absolute
  cache = std::filesystem::absolute(cache.empty() ? default_cook_cache() : cache).string();
  if (options.shell) return open_shell(options, io);
  if (is_lock(options.recipe)) {  // it stands alone
    options.lock = options.recipe;
    options.recipe.clear();
    options.locked = true;
  }
  if (options.recipe.empty() && options.lock.empty())
    return Error{Code::kInvalid,
                 "name what to cook: a recipe's file, a ready-made recipe (`granary recipe list`), or a "
                 "lock"};
  if (options.repository.empty())
    return Error{Code::kInvalid, "say with --repo where to publish it: a repository, which `granary init` makes"};
  return run_cook(options, io);
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CookOptions& how = options->cook;
  app.add_option("RECIPE", options->recipe, "a recipe's file, the name of a ready-made one, or a .lock");
  app.add_option("-r,--repo", options->repository, "the repository to publish to");
  app.add_option("-b,--branch", how.branch, "the branch; made if it is not there")->default_val("main");
  app.add_option("-t,--tag", how.tag, "also name the snapshot so, for ever");
  app.add_flag("--locked", options->locked, "take the lock as it is: ask no archive what is newest");
  app.add_option("--lock", options->lock, "the lock to read or write (default: RECIPE.lock beside the recipe)");
  app.add_flag("--no-lock", options->no_lock, "write no lock");
  app.add_flag("--archive", how.archive, "keep all that cooking again needs: packages, indices, keyrings");
  app.add_flag("--explain", how.explain, "say for each layer why it was reused or made anew");
  app.add_flag("--reference", options->reference, "leave unpacking to dpkg itself: slower, to compare with");
  app.add_flag("--no-tests", options->no_tests, "leave out the recipe's tests");
  app.add_flag("--shell", options->shell, "open a shell in the tree of the last cook that failed");
  app.add_option("--suite", options->overrides.suite, "the suite, such as trixie; instead of the recipe's");
  app.add_option("--cache", how.cache, "where downloads, unpacked packages and work lie, instead of this machine's");
  app.add_flag("--json", options->json, "print the result as a JSON object");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kCookCommand{
    "cook", "cook an operating system from a recipe",
    "Resolves the recipe to a lock, fetches packages, installs them layer by layer, runs the recipe's tests and "
    "publishes the tree as a snapshot. Layers are kept in the repository under the digest of all that they are made "
    "from, and taken again when nothing of that has changed; --explain says what did. The same lock gives the same "
    "tree digest on every machine and day. Cooking needs root; being told that everything is there already does not. "
    "The lock is written beside the recipe; it is written anew when the archive has newer packages, and left alone "
    "otherwise; --locked takes it as it is. A cook that is killed leaves nothing mounted, and the next one goes on "
    "with "
    "what was finished. When a script fails, its output is shown and the tree is kept for --shell.",
    "granary cook minimal --repo /srv/os\n"
    "granary cook web.toml --repo /srv/os --branch web --tag web-1\n"
    "granary cook web.toml --repo /srv/os --locked --json\n"
    "granary cook web.toml --repo /srv/os --archive  # can be cooked again without any network\n"
    "granary cook web.lock --repo /srv/os --explain\n"
    "granary cook --shell  # look at what a failed script left",
    define};

}  // namespace granary
