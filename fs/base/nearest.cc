#include "fs/base/nearest.h"

#include <algorithm>
#include <utility>

namespace granary {

namespace {
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}
}  // namespace

std::string nearest_word(std::string_view word, const std::vector<std::string>& known) {
  constexpr size_t kTooFar = 3;
  constexpr size_t kMaxWordBytes = 64;  // whoever writes more did not mistype a word
  std::string nearest;
  size_t nearest_distance = kTooFar;
  if (word.size() > kMaxWordBytes) return nearest;
  for (const std::string& candidate : known) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < nearest_distance) nearest_distance = distance, nearest = candidate;
  }
  return nearest;
}

}  // namespace granary
