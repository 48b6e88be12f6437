#include "builder/recipe/names.h"

#include <algorithm>

#include "fs/format/paths.h"

namespace granary {

namespace {
constexpr std::string_view kSmall = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kAlphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool consists_of(std::string_view text, size_t limit_bytes, std::string_view first, std::string_view also) {
  if (text.empty() || text.size() > limit_bytes || first.find(text.front()) == std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return kAlphanumeric.find(c) != std::string_view::npos || also.find(c) != std::string_view::npos;
  });
}

bool has_capitals(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// Components between slashes, none of them empty, "." or "..".
bool is_shortest(std::string_view text) { return parse_absolute_path("/" + std::string(text)).has_value(); }

// The length of the UTF-8 sequence at the start of `bytes`, or 0 (RFC 3629: shortest form, no surrogates).
size_t utf8_length(ByteView bytes) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xC2 && lead < 0xE0   ? 2
                        : (lead & 0xF0) == 0xE0       ? 3
                        : lead >= 0xF0 && lead < 0xF5 ? 4
                                                      : 0;
  if (length == 0 || bytes.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  const bool too_long = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool outside = (lead == 0xED && byte(1) >= 0xA0) || (lead == 0xF4 && byte(1) >= 0x90);
  return too_long || outside ? 0 : length;
}
}  // namespace

bool is_package_name(std::string_view text) {
  return text.size() >= 2 && consists_of(text, 200, kSmall, "+-.") && !has_capitals(text);
}

bool is_package_version(std::string_view text) { return consists_of(text, 200, kAlphanumeric, ".+-~:"); }

bool is_package_wish(std::string_view text) {
  const size_t space = text.find(' ');
  if (!is_package_name(text.substr(0, space))) return false;
  if (space == std::string_view::npos) return true;
  std::string_view bound = text.substr(space + 1);
  if (!bound.starts_with('(') || !bound.ends_with(')')) return false;
  bound = bound.substr(1, bound.size() - 2);
  const size_t gap = bound.find(' ');
  if (gap == std::string_view::npos || !is_package_version(bound.substr(gap + 1))) return false;
  const std::string_view relation = bound.substr(0, gap);
  return relation == "=" || relation == ">=" || relation == "<=" || relation == ">>" || relation == "<<";
}

std::string package_of_wish(std::string_view wish) { return std::string(wish.substr(0, wish.find(' '))); }

bool is_package_group(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view kind = text.substr(0, colon);
  const std::string_view value = text.substr(colon + 1);
  if (kind == "priority")
    return value == "required" || value == "important" || value == "standard" || value == "optional";
  return (kind == "task" || kind == "section") && consists_of(value, 100, kSmall, "-+./");
}

bool is_version_pattern(std::string_view text) {
  if (text.ends_with('*')) text.remove_suffix(1);
  return is_package_version(text);
}

bool is_suite_name(std::string_view text) {
  return consists_of(text, 100, kAlphanumeric, ".+-_/") && is_shortest(text);
}

bool is_archive_name(std::string_view text) {
  return consists_of(text, 100, kAlphanumeric, ".+-_/") && is_shortest(text);
}

const std::vector<std::string>& architectures() {
  static const std::vector<std::string> kKnown{
      "amd64",   "arm64", "armel", "armhf", "i386", "mips64el", "mipsel", "ppc64el", "riscv64", "s390x",
      "loong64", "alpha", "hppa",  "ia64",  "m68k", "powerpc",  "ppc64",  "sh4",     "sparc64", "x32"};
  return kKnown;
}

bool is_architecture(std::string_view text) {
  return std::find(architectures().begin(), architectures().end(), text) != architectures().end();
}

bool is_account_name(std::string_view text) {
  return consists_of(text, 32, "abcdefghijklmnopqrstuvwxyz_", "_-") && !has_capitals(text);
}

bool is_host_name(std::string_view text) {
  return consists_of(text, 253, kAlphanumeric, ".-") && text.find("..") == std::string_view::npos &&
         kAlphanumeric.find(text.back()) != std::string_view::npos;
}

bool is_locale(std::string_view text) { return consists_of(text, 64, kAlphanumeric, "._@-"); }

bool is_timezone(std::string_view text) { return consists_of(text, 64, kAlphanumeric, "_+-/") && is_shortest(text); }

std::optional<uint16_t> parse_mode(std::string_view text) {
  if (text.empty() || text.size() > 5) return std::nullopt;
  unsigned mode = 0;
  for (const char c : text) {
    if (c < '0' || c > '7') return std::nullopt;
    mode = mode * 8 + static_cast<unsigned>(c - '0');
  }
  if (mode > 07777) return std::nullopt;
  return static_cast<uint16_t>(mode);
}

std::string format_mode(uint16_t mode) {
  std::string text;
  for (int shift = 9; shift >= 0; shift -= 3) text += static_cast<char>('0' + ((mode >> shift) & 7));
  return text;
}

bool is_path_below(std::string_view text) { return !text.empty() && text.front() != '/' && is_shortest(text); }

bool is_text(ByteView bytes) {
  while (!bytes.empty()) {
    const auto lead = static_cast<uint8_t>(bytes.front());
    if ((lead < 0x20 && lead != '\t' && lead != '\n' && lead != '\r') || lead == 0x7F) return false;
    const size_t length = utf8_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace granary
