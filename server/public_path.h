// What a web server may hand out of a repository directory (docs/format.md, 2), and how it may be cached.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace granary {

struct PublicFile {
  std::string path;  // below the repository's top: folders and a name, never "." or ".."
  const char* content_type;
  const char* cache_control;
};

// What `url_path` ("/objects/ab/cdef…", unescaped, without a query) stands for; nothing for any other path:
// not .granary, not a temporary file, not a directory.
std::optional<PublicFile> public_file(std::string_view url_path);

}  // namespace granary
