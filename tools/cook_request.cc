#include "tools/cook_request.h"

#include <cstdio>

#include "tools/format.h"

namespace granary {

std::string place_of_lock(const std::string& recipe) {
  constexpr std::string_view kSuffix = ".toml";
  return (recipe.ends_with(kSuffix) ? recipe.substr(0, recipe.size() - kSuffix.size()) : recipe) + ".lock";
}

void show_cook_progress(Progress& progress, const CookProgress& at) {
  std::string line = at.stage;
  if (!at.detail.empty()) line += " " + printable(at.detail);
  if (at.total > 0 && at.is_bytes) line += str(", ", human_bytes(at.done), " of ", human_bytes(at.total));
  if (at.total > 0 && !at.is_bytes) line += str(" (", human_count(at.done), " of ", human_count(at.total), ")");
  progress.show(line);
}

std::string seconds_text(double seconds) {
  char text[64];
  if (seconds < 60) {
    std::snprintf(text, sizeof text, seconds < 1 ? "%.3f s" : "%.1f s", seconds);
  } else {
    std::snprintf(text, sizeof text, "%d min %d s", static_cast<int>(seconds) / 60, static_cast<int>(seconds) % 60);
  }
  return text;
}

void print_layers(const std::vector<CookedLayer>& layers, bool explain, Io& io) {
  for (const CookedLayer& layer : layers) {
    io.out << "  layer " << layer.name << "  " << layer.key.brief() << "  "
           << (layer.reused ? std::string("reused") : "cooked in " + seconds_text(layer.seconds)) << "\n";
    for (size_t i = 0; explain && i < layer.why.size(); ++i)
      io.out << "    " << (i == 0 ? "because " : "        ") << printable(layer.why[i]) << "\n";
  }
}

OrderedJson layers_json(const std::vector<CookedLayer>& layers) {
  OrderedJson json = OrderedJson::array();
  for (const CookedLayer& layer : layers) {
    OrderedJson why = OrderedJson::array();
    for (const std::string& reason : layer.why) why.push_back(printable(reason));
    json.push_back({{"name", layer.name},
                    {"key", layer.key.hex()},
                    {"reused", layer.reused},
                    {"why", why},
                    {"seconds", layer.seconds}});
  }
  return json;
}

}  // namespace granary
