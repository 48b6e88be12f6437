// Reading foreign JSON: a value that is missing or of another type is nothing, never an exception.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "fs/base/bytes.h"

namespace granary {

using Json = nlohmann::json;

// kCorrupt: no JSON.
inline Result<Json> parse_json(ByteView text, const std::string& what) {
  Json value = Json::parse(text.begin(), text.end(), nullptr, false);
  if (value.is_discarded()) return Error{Code::kCorrupt, what + ": not JSON"};
  return value;
}

// What stands under `key` of an object; a null elsewhere.
inline const Json& member_of(const Json& object, const char* key) {
  static const Json nothing;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : nothing;
}

inline std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }
inline std::string text_of(const Json& object, const char* key) { return text_of(member_of(object, key)); }

// True alone is true.
inline bool flag_of(const Json& object, const char* key) {
  const Json& value = member_of(object, key);
  return value.is_boolean() && value.get<bool>();
}

inline std::optional<uint64_t> number_of(const Json& object, const char* key) {
  const Json& value = member_of(object, key);
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<uint64_t>();
}

// The texts of an array; of a single text, that one.
inline std::vector<std::string> texts_of(const Json& object, const char* key) {
  const Json& value = member_of(object, key);
  if (value.is_string()) return {value.get<std::string>()};
  std::vector<std::string> texts;
  if (!value.is_array()) return texts;
  for (const Json& text : value)
    if (text.is_string()) texts.push_back(text.get<std::string>());
  return texts;
}

// For files of our own; bytes that are not UTF-8 are replaced.
inline Bytes written(const Json& value) { return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace granary
