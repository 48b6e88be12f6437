#include "fs/base/size.h"

#include <cctype>
#include <charconv>

#include "fs/base/bytes.h"

namespace granary {

Result<uint64_t> parse_size(std::string_view text) {
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  static constexpr std::string_view kUnits = "KMGT";
  size_t shift = 0;
  if (!unit.empty()) {
    const size_t place = kUnits.find(static_cast<char>(std::toupper(static_cast<unsigned char>(unit[0]))));
    const std::string_view rest = unit.substr(1);
    if (place == std::string_view::npos || !(rest.empty() || rest == "B" || rest == "iB"))
      return Error{Code::kInvalid, "not a size: " + printable(text) + " (such as 500M or 20G)"};
    shift = 10 * (place + 1);
  }
  if (failure != std::errc() || value == 0 || value > (UINT64_MAX >> shift))
    return Error{Code::kInvalid, "not a size: " + printable(text) + " (such as 500M or 20G)"};
  return value << shift;
}

}  // namespace granary
