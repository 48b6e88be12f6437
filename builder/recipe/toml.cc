#include "builder/recipe/toml.h"

#include <toml++/toml.h>

#include <algorithm>

namespace granary {

namespace {
TomlPlace place_of(const toml::source_region& region) { return {region.begin.line, region.begin.column}; }

TomlValue::Table convert(const toml::table& table);

TomlValue convert(const toml::node& node) {
  TomlValue out{place_of(node.source()), TomlValue::Other{"a date or time"}};
  if (const auto* flag = node.as_boolean()) out.value = flag->get();
  if (const auto* integer = node.as_integer()) out.value = integer->get();
  if (const auto* text = node.as_string()) out.value = text->get();
  if (node.is_floating_point()) out.value = TomlValue::Other{"a fraction"};
  if (const auto* table = node.as_table()) out.value = convert(*table);
  if (const auto* array = node.as_array()) {
    TomlValue::List list;
    for (const toml::node& item : *array) list.push_back(convert(item));
    out.value = std::move(list);
  }
  return out;
}

TomlValue::Table convert(const toml::table& table) {
  TomlValue::Table out;
  for (const auto& [key, node] : table) out.push_back({std::string(key.str()), place_of(key.source()), convert(node)});
  std::stable_sort(out.begin(), out.end(), [](const TomlMember& a, const TomlMember& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  return out;
}
}  // namespace

std::string TomlValue::type() const {
  static constexpr const char* kTypes[] = {"true or false", "a number", "a string", "a list", "a table"};
  const Other* other = std::get_if<Other>(&value);
  return other != nullptr ? other->type : kTypes[value.index()];
}

std::variant<TomlValue::Table, TomlError> parse_toml(ByteView text) {
  try {
    return convert(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return TomlError{place_of(error.source()), std::string(error.description())};
  }
}

}  // namespace granary
