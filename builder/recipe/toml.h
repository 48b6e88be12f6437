// Toml: a TOML document as plain values that know where they stand. Value types; toml++ stays behind toml.cc.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/base/result.h"

namespace granary {

struct TomlPlace {
  uint32_t line = 0;  // from 1; 0: nowhere in particular
  uint32_t column = 0;
};

struct TomlMember;
struct TomlValue {
  using List = std::vector<TomlValue>;
  using Table = std::vector<TomlMember>;
  struct Other {
    std::string type;  // "a date", "a fraction": what nobody asks for here
  };

  TomlPlace place;
  std::variant<bool, int64_t, std::string, List, Table, Other> value;

  const bool* flag() const { return std::get_if<bool>(&value); }
  const int64_t* integer() const { return std::get_if<int64_t>(&value); }
  const std::string* text() const { return std::get_if<std::string>(&value); }
  const List* list() const { return std::get_if<List>(&value); }
  const Table* table() const { return std::get_if<Table>(&value); }
  std::string type() const;  // "a string", "a list"
};

struct TomlMember {
  std::string key;
  TomlPlace place;  // of the key
  TomlValue value;
};

struct TomlError {
  TomlPlace place;
  std::string text;
};

// The members of the document, in the order in which they stand. Nesting and size are bounded.
std::variant<TomlValue::Table, TomlError> parse_toml(ByteView text);

}  // namespace granary
