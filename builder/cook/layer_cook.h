// cook_layer: makes one layer of a tree and publishes it under its key: from the packages of a lock's layer, or the
// recipe's own part, on top of the layers below. Of these, what the repository had is mounted by the mount program,
// what this cook has made lies at hand; an overlay over them takes what is new. The lowest begins with an empty
// directory. All that happens in namespaces of its own (builder/cook/apart.h). Two cooks of the same layer wait for
// each other; the second finds it made.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "builder/cook/layer_key.h"
#include "builder/cook/workplace.h"
#include "server/publisher.h"

namespace granary {

struct Layer {
  LayerInputs inputs;
  LayerKey key;
  std::vector<uint32_t> packages;  // numbers in the lock; none of the recipe's own
  bool is_own = false;             // the recipe's
};
std::vector<Layer> cook_layers_of(const Lock& lock, InstallMode mode);

struct LayerCookOptions {
  std::string cache;          // the folder of cooks
  std::string mount_program;  // granary-mount
  InstallMode mode = InstallMode::kFast;
  std::function<void(const InstallProgress&)> on_progress = [](const InstallProgress&) {};
};

// What a layer is made upon.
struct LayersBelow {
  std::optional<Statement> top;     // the highest; none: nothing is there yet
  std::optional<Statement> ground;  // the highest that was not made by us: it has to be mounted
  std::vector<Workplace> fresh;     // where we made those above it, lowest first: their upper layers are still there
};

// The statement of the layer's branch when it was made before. Needs no root, writes nothing.
std::optional<Statement> find_layer(const RepositoryState& state, const LayerKey& key);
// Notes that the layer was used now, and what it was made from. That it cannot be written matters to nobody.
void note_layer_use(const Repository& repository, const Layer& layer);
// What earlier layers of this repository were made from.
std::vector<LayerInputs> known_layers(const Repository& repository);

// `debs`: files of lock.packages[layer.packages[i]]. `below` has the layer on top of it then.
//   kInvalid     a script failed: the message ends with what it said, and the tree is kept (Workplace::last_failure)
//   kPermission  not root
//   kNoSpace     the disk is full; nothing is left behind
Status cook_layer(Repository& repository, const Lock& lock, const Layer& layer, const std::vector<std::string>& debs,
                  LayersBelow& below, const LayerCookOptions& options);

// Runs the recipe's tests in a throw-away overlay over a finished tree.
//   kInvalid  one failed: its name, its status and what it said
Status run_recipe_tests(Repository& repository, const Recipe& recipe, const Statement& tree,
                        const LayerCookOptions& options, const std::function<void(const std::string&)>& on_test);

// Opens a shell, or runs a command, in the tree of a failed layer, as its scripts saw it. What is changed there is kept
// there. The command's exit status.
//   kNotFound  no failure is kept
Result<int> enter_failure(const std::string& cache, const std::string& mount_program,
                          const std::vector<std::string>& command);

}  // namespace granary
