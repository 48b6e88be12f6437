// The word that was probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace granary {

// The one of `known` that lies fewest single-letter edits (Levenshtein) from `word`, fewer than three; else empty.
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);

}  // namespace granary
