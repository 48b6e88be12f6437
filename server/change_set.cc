#include "server/change_set.h"

#include <algorithm>

namespace granary {

bool path_less(ByteView a, ByteView b) {
  const auto [at, bt] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (bt == b.end()) return false;
  if (at == a.end()) return true;
  if (*at == '/' || *bt == '/') return *at == '/';  // the end of a component comes before any byte
  return static_cast<unsigned char>(*at) < static_cast<unsigned char>(*bt);
}

bool is_at_or_below(ByteView path, ByteView top) {
  if (top.empty()) return true;
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
}

}  // namespace granary
