#include "fs/format/paths.h"

#include <algorithm>

namespace granary {

Result<Bytes> parse_absolute_path(ByteView path) {
  const Error bad{Code::kInvalid,
                  str("not an absolute path in shortest form: \"", printable(path.substr(0, 300)), "\"")};
  if (path.empty() || path.front() != '/' || path.size() > 4096 || path.find('\0') != ByteView::npos) return bad;
  const ByteView relative = path.substr(1);
  for (size_t start = 0; !relative.empty() && start <= relative.size();) {
    const size_t end = std::min(relative.find('/', start), relative.size());
    const ByteView component = relative.substr(start, end - start);
    if (component.empty() || component == "." || component == "..") return bad;
    start = end + 1;
  }
  return Bytes(relative);
}

bool path_covers(ByteView top, ByteView path) {
  if (top.empty()) return true;
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
}

}  // namespace granary
