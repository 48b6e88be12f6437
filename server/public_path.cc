#include "server/public_path.h"

namespace granary {

namespace {
constexpr const char* kForEver = "public, max-age=31536000, immutable";
constexpr const char* kAskEachTime = "no-cache";
constexpr const char* kForAnHour = "public, max-age=3600";
constexpr const char* kJson = "application/json";

bool is_hex(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

// "7.json", "1234.json".
bool is_numbered(std::string_view name) {
  if (!name.ends_with(".json")) return false;
  const std::string_view number = name.substr(0, name.size() - 5);
  const bool is_decimal = number.find_first_not_of("0123456789") == std::string_view::npos;
  return is_decimal && !number.empty() && number.size() <= 20 && number[0] != '0';
}

// "ab/cdef…"
bool is_object(std::string_view rest) {
  return rest.size() == 65 && rest[2] == '/' && is_hex(rest.substr(0, 2)) && is_hex(rest.substr(3));
}
}  // namespace

std::optional<PublicFile> public_file(std::string_view url_path) {
  if (!url_path.starts_with("/")) return std::nullopt;
  const std::string path(url_path.substr(1));
  const std::string_view view(path);
  if (path == "head.json") return PublicFile{path, kJson, kAskEachTime};
  if (path == "format.md") return PublicFile{path, "text/markdown; charset=utf-8", kForAnHour};
  if (view.starts_with("log/") && is_numbered(view.substr(4))) return PublicFile{path, kJson, kForEver};
  if (view.starts_with("root/") && is_numbered(view.substr(5))) return PublicFile{path, kJson, kForEver};
  if (view.starts_with("objects/") && is_object(view.substr(8)))
    return PublicFile{path, "application/octet-stream", kForEver};
  return std::nullopt;
}

}  // namespace granary
