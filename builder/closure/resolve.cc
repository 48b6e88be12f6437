#include "builder/closure/resolve.h"

#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "builder/archive/apt_archives.h"
#include "builder/archive/index_text.h"
#include "builder/closure/closure.h"
#include "builder/closure/explanation.h"
#include "builder/closure/locked_packages.h"
#include "builder/closure/wishes.h"
#include "builder/recipe/accounts.h"
#include "builder/recipe/recipe_json.h"

namespace granary {

namespace {
class Stopwatch {
 public:
  // Seconds since it was made or asked last.
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(since_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

struct WantedArchive {
  RecipeArchive archive;
  bool optional = false;  // nobody asked for it: left out, and said so, where there is none
};

// What a recipe without archives of its own means: the suite, its updates and its security updates.
std::vector<WantedArchive> wanted_archives(const Recipe& recipe) {
  std::vector<WantedArchive> wanted;
  for (const RecipeArchive& archive : recipe.archives) {
    wanted.push_back({archive, false});
    std::string& suite = wanted.back().archive.suite;
    if (!suite.empty()) continue;
    suite = recipe.suite + (archive.name == "debian-security" && archive.url.empty() ? "-security" : "");
  }
  if (!wanted.empty()) return wanted;
  const auto add = [&](const char* name, const std::string& suite, bool optional) {
    wanted.push_back({{name, {}, suite, {"main"}, {}}, optional});
  };
  add("debian", recipe.suite, false);
  const std::set<std::string> rolling = {"sid", "unstable", "experimental", "rc-buggy"};
  if (rolling.contains(recipe.suite)) return wanted;
  add("debian", recipe.suite + "-updates", true);
  add("debian-security", recipe.suite + "-security", true);
  return wanted;
}

// An index at hand: its plain text is borrowed by the universe.
struct OpenIndex {
  LockedIndex locked;
  Bytes stored;
  std::unique_ptr<IndexText> text;
};

Status fetch_releases(PackageSource& source, const ResolveOptions& options, Resolved& resolved) {
  for (const WantedArchive& wanted : wanted_archives(resolved.lock.recipe)) {
    options.on_step(str("fetching ", wanted.archive.name, " ", wanted.archive.suite));
    auto release = fetch_release(source, wanted.archive, options.now);
    if (!release && release.error().code == Code::kNotFound && wanted.optional) {
      resolved.notes.push_back(
          str("without ", wanted.archive.name, " ", wanted.archive.suite, ": ", release.error().message));
      continue;
    }
    if (!release) return release.error();
    resolved.releases.push_back(*std::move(release));
  }
  for (const SignedSuite& release : resolved.releases) {
    resolved.lock.releases.push_back(release.locked);
    resolved.lock.source_date_epoch = std::max(resolved.lock.source_date_epoch, release.locked.date);
  }
  return Done{};
}

Status fetch_indices(PackageSource& source, const ResolveOptions& options, Resolved& resolved,
                     std::vector<NamedIndex>& named) {
  for (uint32_t number = 0; number < resolved.releases.size(); ++number) {
    const SignedSuite& release = resolved.releases[number];
    for (NamedIndex& index : TRY(release.indices(resolved.lock.architecture))) {
      index.stored.release = number;
      options.on_step(str("fetching ", release.archive.suite, " ", index.stored.path));
      resolved.indices.push_back(TRY(source.index(release.archive, index.stored)));
      resolved.lock.indices.push_back(index.stored);
      named.push_back(std::move(index));
    }
  }
  return Done{};
}

std::string index_folder(const std::string& cache) { return cache.empty() ? "" : cache + "/indices"; }

Result<std::vector<std::unique_ptr<IndexText>>> open_indices(const Resolved& resolved,
                                                             const std::vector<NamedIndex>& named,
                                                             const std::string& cache) {
  std::vector<std::unique_ptr<IndexText>> texts;
  for (size_t number = 0; number < named.size(); ++number) {
    const std::string& suite = resolved.lock.releases[named[number].stored.release].suite;
    texts.push_back(TRY_WITHIN(str(suite, " ", named[number].stored.path),
                               open_index(resolved.indices[number], named[number].plain, index_folder(cache))));
  }
  return texts;
}

std::vector<std::string_view> views_of(const std::vector<std::unique_ptr<IndexText>>& texts) {
  std::vector<std::string_view> views;
  for (const auto& text : texts) views.push_back(text->view());
  return views;
}

std::vector<LockedAccount> accounts_of(const Lock& lock) {
  std::vector<std::string> names;
  for (const LockedPackage& package : lock.packages) names.push_back(package.name);
  return accounts_for(names);
}
}  // namespace

std::string host_architecture() {
  static const std::map<std::string, std::string> kNames = {
      {"x86_64", "amd64"},    {"aarch64", "arm64"},   {"i686", "i386"},   {"armv7l", "armhf"},
      {"riscv64", "riscv64"}, {"ppc64le", "ppc64el"}, {"s390x", "s390x"}, {"mips64", "mips64el"}};
  utsname host{};
  if (::uname(&host) != 0) return "amd64";
  const auto found = kNames.find(host.machine);
  return found == kNames.end() ? host.machine : found->second;
}

Result<Resolved> resolve(const Recipe& recipe, PackageSource& source, Optimiser& optimiser,
                         const ResolveOptions& options) {
  Resolved resolved;
  Lock& lock = resolved.lock;
  Stopwatch watch;
  lock.recipe = recipe;
  lock.recipe_digest = recipe_digest(recipe);
  lock.architecture = recipe.architecture.empty() ? host_architecture() : recipe.architecture;
  TRY(fetch_releases(source, options, resolved));
  std::vector<NamedIndex> named;
  TRY(fetch_indices(source, options, resolved, named));
  resolved.times.fetch = watch.lap();

  options.on_step("reading the indices");
  const auto texts = TRY(open_indices(resolved, named, options.cache));
  const std::vector<std::string_view> views = views_of(texts);
  const Universe universe = TRY(Universe::read(views, lock.architecture));
  resolved.known_packages = universe.size();
  resolved.times.parse = watch.lap();

  options.on_step("resolving");
  ShoppingList list = TRY(shopping_list(recipe, universe));
  const Formulation formulation = TRY(Formulation::make(universe, list.wishes, list.forbidden, recipe.recommends));
  resolved.times.reduce = watch.lap();
  const std::optional<Closure> closure = TRY(find_closure(formulation, optimiser));
  if (!closure) {
    const Explanation why = TRY(explain(universe, list, optimiser));
    return Error{Code::kInvalid, why.text()};
  }
  resolved.times.solve = watch.lap();

  TRY(lock_packages(*closure, list.wishes, universe, lock));
  lock.accounts = accounts_of(lock);
  lock.solver = closure->solver;
  lock.skipped_newer = closure->skipped_newer;
  lock.package_count = lock.packages.size();
  for (std::string& note : list.notes) resolved.notes.push_back(std::move(note));
  if (closure->recommendations_left > 0)
    resolved.notes.push_back(str(closure->recommendations_left, " recommendations cannot be had beside the rest"));
  resolved.variables = closure->variables;
  resolved.clauses = closure->clauses;
  resolved.open_variables = closure->open_variables;
  resolved.open_clauses = closure->open_clauses;
  resolved.times.lock = watch.lap();
  return resolved;
}

namespace {
Error not_named(const std::string& what) {
  return {Code::kUntrusted,
          str("the lock names ", what, ", which no signed index names: it was altered, or is not of these archives")};
}

std::optional<NamedIndex> find_named(const std::vector<NamedIndex>& named, const LockedIndex& locked) {
  for (const NamedIndex& each : named) {
    const LockedIndex& stored = each.stored;
    if (stored.path == locked.path && stored.digest == locked.digest && stored.size_bytes == locked.size_bytes)
      return each;
  }
  return std::nullopt;
}

// Each index of the lock, opened, after its release was found good and to name it.
Result<std::vector<std::unique_ptr<IndexText>>> open_locked(const Lock& lock, PackageSource& source,
                                                            const std::string& cache) {
  std::vector<SignedSuite> releases;
  for (const LockedRelease& locked : lock.releases) {
    releases.push_back(TRY(fetch_release(source, archive_of(lock, locked), lock.source_date_epoch)));
    if (releases.back().locked != locked)
      return Error{Code::kNotFound, str(locked.archive, " ", locked.suite,
                                        " is another release now than the lock's (of ", format_utc(locked.date), ")")};
  }
  std::vector<std::unique_ptr<IndexText>> texts;
  for (const LockedIndex& locked : lock.indices) {
    const SignedSuite& release = releases[locked.release];
    const auto named = find_named(TRY(release.indices(lock.architecture)), locked);
    if (!named) return not_named(str("the index ", locked.path));
    const Bytes stored = TRY(source.index(release.archive, locked));
    texts.push_back(TRY_WITHIN(locked.path, open_index(stored, named->plain, index_folder(cache))));
  }
  return texts;
}
}  // namespace

Status verify_lock(const Lock& lock, PackageSource& source, const std::string& cache) {
  const auto texts = TRY(open_locked(lock, source, cache));
  const std::vector<std::string_view> views = views_of(texts);
  const Universe universe = TRY(Universe::read(views, lock.architecture));
  for (const LockedPackage& package : lock.packages) {
    const std::string what = str("package ", package.name, " ", package.version);
    bool found = false;
    for (const PackageVersion& each : universe.versions_of(package.name)) {
      if (each.version != package.version || each.architecture != package.architecture) continue;
      LockedPackage named = TRY(locked_package(each));
      named.layer = package.layer;
      found = found || named == package;
    }
    if (!found) return not_named(what);
  }
  return Done{};
}

}  // namespace granary
