#include "initramfs/settings.h"

#include "fs/base/bytes.h"

namespace granary {

namespace {
std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}
}  // namespace

std::vector<Saying> parse_image_config(std::string_view text) {
  std::vector<Saying> sayings;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    const size_t equals = line.find('=');
    const std::string_view value = equals == std::string_view::npos ? "" : trimmed(line.substr(equals + 1));
    sayings.push_back({std::string(trimmed(line.substr(0, equals))), std::string(value), SaidBy::kImage, "the image"});
  }
  return sayings;
}

}  // namespace granary
