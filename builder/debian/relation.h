// Relations between packages as control fields write them (Debian Policy, chapter 7): "a (>= 1) | b:any, c". Views
// into the text they were read from.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/debian/version.h"
#include "fs/base/result.h"

namespace granary {

struct Relation {
  std::string_view name;
  std::string_view architecture;  // after a colon: "any", "native", "amd64"; empty: none is asked for
  VersionRelation relation = VersionRelation::kAny;
  std::string_view version;

  bool operator==(const Relation&) const = default;
};

// One of which is enough, in the order of the field.
using Alternatives = std::vector<Relation>;

// What stands between the commas of Depends, Conflicts, Provides …; empty members are passed over.
//   kInvalid  not a list of relations: the message shows the part
Result<std::vector<Alternatives>> parse_relations(std::string_view text);

// As it would be written: "a (>= 1) | b".
std::string text_of(const Relation& relation);
std::string text_of(const Alternatives& alternatives);

}  // namespace granary
