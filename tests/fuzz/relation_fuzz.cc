// Relations between packages, and the versions in them.
#include "builder/debian/relation.h"
#include "fuzz/fuzz.h"

namespace granary {

void try_input(ByteView input) {
  const auto relations = parse_relations(input);
  if (!relations) return;
  for (const Alternatives& alternatives : *relations) {
    const std::string text = text_of(alternatives);
    const auto again = parse_relations(text);
    promise(again.has_value() && again->size() == 1, "what is written can be read");
    promise(again->front() == alternatives, "and means the same");
    const std::string_view first = alternatives.front().version, last = alternatives.back().version;
    const auto order = compare_versions(first, last), turned = compare_versions(last, first);
    promise((order < 0) == (turned > 0) && (order == 0) == (turned == 0), "the order of versions has two sides");
  }
}

}  // namespace granary
