#include "builder/cook/recook.h"

#include <unistd.h>

#include <chrono>

#include "builder/closure/resolve.h"
#include "builder/cook/apart.h"
#include "builder/cook/evidence.h"
#include "builder/cook/workplace.h"

namespace granary {

namespace {
Error incomplete(const Evidence& evidence, const std::vector<std::string>& missing, bool offline) {
  constexpr size_t kShown = 5;
  std::string text = str("the lock and the recipe were kept, but of the rest ", missing.size(), " files are missing:");
  for (size_t i = 0; i < std::min(kShown, missing.size()); ++i) text += "\n  " + printable(missing[i]);
  if (missing.size() > kShown) text += str("\n  and ", missing.size() - kShown, " more");
  text += "\nsnapshots that shall be cooked again one day are cooked with `granary cook --archive`";
  if (offline) text += "; without --offline packages are fetched as the lock names them, if the archive still has them";
  static_cast<void>(evidence);
  return {Code::kNotFound, text};
}

// The signed chain cannot be had any more when it was not kept; packages may still be found by their digests.
bool has_signatures(const std::vector<std::string>& missing) {
  for (const std::string& path : missing) {
    if (!path.ends_with(".deb")) return false;
  }
  return true;
}

Result<std::unique_ptr<Repository>> make_scratch_repository(const std::string& top) {
  InitOptions options;
  options.directory = top + "/repository";
  options.name = "recook.invalid";
  options.keys_directory = top + "/keys";
  TRY(init_repository(options));
  return Repository::open(options.directory);
}
}  // namespace

Result<Recooked> recook(Repository& repository, const SnapshotId& id, const RecookOptions& options) {
  if (::geteuid() != 0)
    return Error{Code::kPermission,
                 "cooking again needs root, because it mounts file systems and runs scripts: run it with sudo"};
  const auto start = std::chrono::steady_clock::now();
  const Snapshot snapshot = TRY(repository.snapshot(id));
  if (options.offline) TRY(leave_network());
  const Workplace place = TRY(Workplace::make(options.cache));
  const std::string top = place.upper(), taken_out = place.tree();

  const auto evidence = TRY(Evidence::open(repository, id, taken_out, options.offline ? nullptr : options.fallback));
  const std::vector<std::string> missing = evidence->missing();
  if (!missing.empty() && (options.offline || options.fallback == nullptr))
    return incomplete(*evidence, missing, options.offline);
  if (has_signatures(missing)) {
    options.on_progress({"verifying signatures", {}, 0, 0});
    TRY_WITHIN("what was kept", verify_lock(evidence->lock(), *evidence, top + "/cache"));
  }

  const auto scratch = TRY(make_scratch_repository(top));
  CookOptions how;
  how.cache = top + "/cache";
  how.mount_program = options.mount_program;
  how.mode = options.mode;
  how.run_tests = how.evidence = false;
  how.on_progress = options.on_progress;
  const Cooked cooked = TRY(cook(*scratch, evidence->lock(), evidence.get(), how));

  Recooked recooked;
  recooked.snapshot = id;
  recooked.tree = snapshot.tree;
  recooked.again = cooked.tree;
  recooked.lock = cooked.lock;
  recooked.layers = cooked.layers;
  if (!recooked.identical()) {
    const auto before = TRY(Catalog::open(snapshot.catalog, repository.objects()));
    const SnapshotId again = cooked.snapshot;
    const auto after = TRY(Catalog::open(TRY(scratch->snapshot(again)).catalog, scratch->objects()));
    recooked.comparison = TRY(compare_trees(*before, repository.objects(), *after, options.shown_differences));
  }
  recooked.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return recooked;
}

}  // namespace granary
