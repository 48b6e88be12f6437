#include "tools/format.h"

#include <cstdio>

namespace granary {

std::string human_bytes(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < std::size(kUnits)) value /= 1000, ++unit;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string human_count(uint64_t count) {
  std::string digits = std::to_string(count);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

Result<uint64_t> parse_size(const std::string& text) {
  const Error bad{Code::kInvalid, "not a size such as 512M, 20G or 1048576: \"" + text + "\""};
  size_t used = 0;
  uint64_t value = 0;
  while (used < text.size() && text[used] >= '0' && text[used] <= '9' && used < 15)
    value = value * 10 + static_cast<uint64_t>(text[used++] - '0');
  if (used == 0) return bad;
  std::string unit = text.substr(used);
  for (const char* tail : {"iB", "B"}) {
    if (unit.size() > 1 && unit.ends_with(tail)) unit.resize(unit.size() - std::string(tail).size());
  }
  static constexpr std::string_view kLetters = "KMGT";
  if (unit.empty()) return value;
  const size_t power = kLetters.find(unit == "k" ? 'K' : unit[0]);
  if (unit.size() != 1 || power == std::string_view::npos) return bad;
  const unsigned shift = 10 * static_cast<unsigned>(power + 1);
  if (value > (uint64_t{1} << 62) >> shift) return bad;
  return value << shift;
}

}  // namespace granary
