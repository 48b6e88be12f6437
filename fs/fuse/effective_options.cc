#include "fs/fuse/effective_options.h"

#include "fs/fuse/configuration.h"

namespace granary {

namespace {
constexpr const char* kDefault = "default";

JsonValue json_of(const EffectiveValue& value) {
  return JsonValue::Object{{"value", value.value}, {"origin", value.origin}};
}
}  // namespace

std::vector<EffectiveValue> effective_values(const MountOptions& options) {
  std::vector<EffectiveValue> out;
  if (!options.source.empty()) out.push_back({"url", without_passwords(options.source), options.source_origin});
  if (!options.mount_point.empty()) out.push_back({"mount_point", options.mount_point, options.mount_point_origin});
  for (const MountOption& option : mount_options()) {
    const size_t before = out.size();
    for (const Setting& setting : options.settings) {
      if (setting.option == &option) out.push_back({option.key(), without_passwords(setting.value), setting.origin});
    }
    const bool is_other_choice = option.key() == "branch" && options.selector.kind != SnapshotSelector::Kind::kBranch;
    if (out.size() == before) out.push_back({option.key(), is_other_choice ? "" : option.fallback, kDefault});
  }
  return out;
}

JsonValue effective_json(const MountOptions& options) {
  JsonValue::Object values;
  for (const EffectiveValue& value : effective_values(options)) {
    const MountOption* const option = find_mount_option(value.key);
    const bool is_list = option != nullptr && option->kind == MountOption::Kind::kList;
    if (!is_list) {
      values[value.key] = json_of(value);
      continue;
    }
    JsonValue& list = values[value.key];
    if (list.is_null()) list = JsonValue::Array{};
    if (value.origin != kDefault) list.array()->push_back(json_of(value));
  }
  JsonValue repository;
  if (!options.configured_as.empty()) repository = options.configured_as;
  return JsonValue::Object{{"repository", std::move(repository)}, {"values", std::move(values)}};
}

}  // namespace granary
