#include "server/content.h"

#include <cassert>

namespace granary {

ContentTable::Number ContentTable::add(const Content& content) {
  if (const Number known = find(content.digest); known != kNone) return known;
  const auto number = static_cast<Number>(rows_.size());
  assert(number != kNone);
  rows_.push_back({content.digest, content.size_bytes, slices_.size(), static_cast<uint32_t>(content.slices.size())});
  slices_.insert(slices_.end(), content.slices.begin(), content.slices.end());
  by_digest_.insert(number);
  return number;
}

ContentTable::Number ContentTable::find(const Digest& digest) const {
  const auto found = by_digest_.find(digest);
  return found == by_digest_.end() ? kNone : *found;
}

}  // namespace granary
