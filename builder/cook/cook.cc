#include "builder/cook/cook.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "builder/cook/evidence.h"
#include "fs/base/crash_point.h"
#include "fs/base/file.h"
#include "server/cook_branches.h"
#include "server/refs.h"

namespace granary {

namespace {
constexpr size_t kMaxReasons = 8;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::vector<std::string> shortened(std::vector<std::string> reasons) {
  if (reasons.size() <= kMaxReasons) return reasons;
  const size_t more = reasons.size() - kMaxReasons + 1;
  reasons.resize(kMaxReasons - 1);
  reasons.push_back(str("and ", more, " more differences"));
  return reasons;
}

// Why a layer that is not cached has to be made.
std::vector<std::string> why_made(const Layer& layer, const std::vector<LayerInputs>& known) {
  const LayerInputs* before = nearest(layer.inputs, known);
  if (before == nullptr) return {"no layer " + layer.inputs.name + " was cooked in this repository before"};
  std::vector<std::string> reasons = differences(*before, layer.inputs);
  if (reasons.empty()) reasons.emplace_back("it was made before, but has been let go since");
  return shortened(std::move(reasons));
}

// A file that is there when these tests passed on this tree.
std::string tests_note(const Repository& repository, const LayerKey& tree, const Recipe& recipe) {
  ByteWriter writer;
  writer.bytes(tree.raw());
  for (const RecipeTest& test : recipe.tests) writer.string(test.name).string(test.command).u32(test.timeout_seconds);
  return repository.private_path("cook/tested/" + Digest::of(writer.view()).hex());
}

bool has_evidence(const RepositoryState& state, const SnapshotId& snapshot) {
  return state.record.branches.contains(cook_evidence_branch(snapshot));
}

// Cooks one lock; see cook().
class Cook {
 public:
  Cook(Repository& repository, const Lock& lock, PackageSource* source, const CookOptions& options)
      : repository_(repository), lock_(lock), source_(source), options_(options) {
    layers_ = cook_layers_of(lock, options.mode);
    cooked_.lock = lock.digest();
    cooked_.branch = options.branch;
    how_.cache = options.cache;
    how_.mount_program = options.mount_program;
    how_.mode = options.mode;
  }

  Result<Cooked> run() {
    TRY(look_what_is_there());
    TRY(timed("fetch", [&] { return fetch(); }));
    TRY(timed("layers", [&] { return make_layers(); }));
    TRY(timed("tests", [&] { return run_tests(); }));
    TRY(timed("publish", [&] { return publish_tree(); }));
    TRY(timed("evidence", [&] { return keep_evidence(); }));
    return cooked_;
  }

 private:
  template <class Step>
  Status timed(const char* stage, Step step) {
    const Stopwatch watch;
    TRY(step());
    cooked_.stages.emplace_back(stage, watch.seconds());
    return Done{};
  }

  // The highest layer that is there is built upon; those below it are not needed.
  Status look_what_is_there() {
    const RepositoryState state = TRY(repository_.read());
    for (size_t i = layers_.size(); i > 0 && !below_.top; --i) {
      below_.top = below_.ground = find_layer(state, layers_[i - 1].key);
      if (below_.top) reused_ = i;
    }
    const std::vector<LayerInputs> known =
        reused_ < layers_.size() ? known_layers(repository_) : std::vector<LayerInputs>();
    for (size_t i = 0; i < layers_.size(); ++i) {
      CookedLayer layer{layers_[i].inputs.name, layers_[i].key, i < reused_, {}, 0};
      layer.why = layer.reused ? std::vector<std::string>{"nothing that it is made from has changed"}
                               : why_made(layers_[i], known);
      if (layer.reused) note_layer_use(repository_, layers_[i]);
      cooked_.layers.push_back(std::move(layer));
    }
    if (reused_ < layers_.size() && ::geteuid() != 0)
      return Error{Code::kPermission, str("cooking layer ", layers_[reused_].inputs.name,
                                          " needs root, because it mounts file systems and runs the packages' scripts: "
                                          "run it with sudo (what is cached already needs none)")};
    return Done{};
  }

  Status fetch() {
    std::vector<uint32_t> numbers;
    for (size_t i = reused_; i < layers_.size(); ++i)
      numbers.insert(numbers.end(), layers_[i].packages.begin(), layers_[i].packages.end());
    if (numbers.empty()) return Done{};
    if (source_ == nullptr) return Error{Code::kUnavailable, "packages are needed, but there is nowhere to fetch from"};
    const auto paths = TRY(source_->packages(lock_, numbers, [&](const FetchProgress& at) {
      options_.on_progress(
          {"fetching", str(at.files, " of ", at.files_total, " packages"), at.bytes, at.bytes_total, true});
    }));
    for (size_t i = 0; i < numbers.size(); ++i) debs_[numbers[i]] = paths[i];
    crash_point("cook-fetched");
    return Done{};
  }

  Status make_layers() {
    for (size_t i = reused_; i < layers_.size(); ++i) {
      const Stopwatch watch;
      const Layer& layer = layers_[i];
      how_.on_progress = [&](const InstallProgress& at) {
        options_.on_progress({str("layer ", layer.inputs.name, ": ", at.step), at.package, at.done, at.total});
      };
      std::vector<std::string> debs;
      for (const uint32_t number : layer.packages) debs.push_back(debs_.at(number));
      options_.on_progress({"layer " + layer.inputs.name, {}, 0, 0});
      TRY(cook_layer(repository_, lock_, layer, debs, below_, how_));
      cooked_.layers[i].seconds = watch.seconds();
    }
    below_.fresh.clear();
    return Done{};
  }

  // What passed once on this very tree is not run again.
  Status run_tests() {
    if (!options_.run_tests || lock_.recipe.tests.empty()) return Done{};
    const std::string passed = tests_note(repository_, layers_.back().key, lock_.recipe);
    if (exists(passed)) return Done{};
    if (::geteuid() != 0)
      return Error{Code::kPermission, "the recipe's tests need root, because they run in a mounted tree: use sudo"};
    TRY(run_recipe_tests(repository_, lock_.recipe, *below_.top, how_, [&](const std::string& name) {
      options_.on_progress({"testing", name, 0, 0});
    }));
    TRY(make_directories(repository_.private_path("cook/tested"), 0700));
    return replace_file(passed, "", 0600, Durability::kFast);
  }

  Status publish_tree() {
    crash_point("cook-adopting");
    const std::string message = str("cooked from recipe ", lock_.recipe.name, ", lock ", cooked_.lock.brief());
    const Adopted adopted =
        TRY(adopt_snapshot(repository_, options_.branch, options_.tag, below_.top->snapshot, message));
    cooked_.snapshot = adopted.snapshot;
    cooked_.tree = adopted.tree;
    cooked_.changed = adopted.changed;
    return Done{};
  }

  Status keep_evidence() {
    if (!options_.evidence) return Done{};
    EvidenceOptions how;
    how.archive = options_.archive;
    how.cache = options_.cache;
    how.recipe_text = options_.recipe_text;
    how.on_progress = [&](const FetchProgress& at) {
      options_.on_progress(
          {"archiving", str(at.files, " of ", at.files_total, " packages"), at.bytes, at.bytes_total, true});
    };
    cooked_.archived = TRY(store_evidence(repository_, lock_, cooked_.snapshot, source_, how));
    return Done{};
  }

  Repository& repository_;
  const Lock& lock_;
  PackageSource* const source_;
  const CookOptions& options_;
  LayerCookOptions how_;

  std::vector<Layer> layers_;
  size_t reused_ = 0;  // so many, from the lowest
  LayersBelow below_;  // all that are there
  std::map<uint32_t, std::string> debs_;
  Cooked cooked_;
};
}  // namespace

Result<Cooked> cook(Repository& repository, const Lock& lock, PackageSource* source, const CookOptions& options) {
  return TRY_WITHIN("cannot cook recipe " + lock.recipe.name, Cook(repository, lock, source, options).run());
}

std::optional<Cooked> find_cooked(const Repository& repository, const RepositoryState& state, const Lock& lock,
                                  const CookOptions& options) {
  const std::vector<Layer> layers = cook_layers_of(lock, options.mode);
  const auto top = find_layer(state, layers.back().key);
  const auto branch = state.branch(options.branch);
  if (!top || !branch || branch->tree != top->tree) return {};
  if (!options.tag.empty()) {
    const auto tag = state.tag(options.tag);
    if (!tag || tag->snapshot != branch->snapshot) return {};
  }
  if (options.evidence && !has_evidence(state, branch->snapshot)) return {};
  const bool is_tested =
      !options.run_tests || lock.recipe.tests.empty() || exists(tests_note(repository, layers.back().key, lock.recipe));
  if (!is_tested) return {};
  if (options.archive) return {};  // whether all of it is kept takes a look at the evidence
  Cooked cooked;
  cooked.snapshot = branch->snapshot;
  cooked.tree = branch->tree;
  cooked.lock = lock.digest();
  cooked.branch = options.branch;
  for (const Layer& layer : layers) {
    note_layer_use(repository, layer);
    cooked.layers.push_back({layer.inputs.name, layer.key, true, {"nothing that it is made from has changed"}, 0});
  }
  return cooked;
}

}  // namespace granary
