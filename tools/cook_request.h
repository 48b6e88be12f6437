// What `cook` and `recook` have in common: where locks lie, how progress and layers are shown.
#pragma once

#include "builder/cook/cook.h"
#include "tools/command.h"
#include "tools/progress.h"

namespace granary {

// The lock of a recipe as the command line names it: beside its file; a ready-made one's here.
std::string place_of_lock(const std::string& recipe);

void show_cook_progress(Progress& progress, const CookProgress& at);
// A line a layer: what became of it, and why when `explain`.
void print_layers(const std::vector<CookedLayer>& layers, bool explain, Io& io);
OrderedJson layers_json(const std::vector<CookedLayer>& layers);
std::string seconds_text(double seconds);  // "0.4 s", "2 min 5 s"

}  // namespace granary
