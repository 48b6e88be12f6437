// Two versions are compared part by part: epoch as a number, then upstream version, then revision. Within a part, runs
// of other characters and runs of digits take turns: characters by a rank in which ~ comes before the end, letters come
// before everything else; digits as numbers of any length.
#include "builder/debian/version.h"

#include <algorithm>

namespace granary {

namespace {
bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Parts {
  std::string_view epoch, upstream, revision;
};

Parts split(std::string_view version) {
  Parts parts;
  if (const size_t colon = version.find(':'); colon != std::string_view::npos) {
    parts.epoch = version.substr(0, colon);
    version.remove_prefix(colon + 1);
  }
  const size_t dash = version.rfind('-');
  parts.upstream = version.substr(0, dash);
  if (dash != std::string_view::npos) parts.revision = version.substr(dash + 1);
  return parts;
}

// Of the character at `at`, where a run of digits and the end count as nothing.
int rank_at(std::string_view text, size_t at) {
  if (at >= text.size() || is_digit(text[at])) return 0;
  const char c = text[at];
  if (c == '~') return -1;
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return static_cast<unsigned char>(c) + (is_letter ? 0 : 256);
}

std::string_view take_number(std::string_view& text) {
  const size_t zeros = std::min(text.find_first_not_of('0'), text.size());
  text.remove_prefix(zeros);
  size_t length = 0;
  while (length < text.size() && is_digit(text[length])) ++length;
  const std::string_view number = text.substr(0, length);
  text.remove_prefix(length);
  return number;
}

std::strong_ordering compare_numbers(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return left.size() <=> right.size();
  return left <=> right;
}

std::strong_ordering compare_parts(std::string_view left, std::string_view right) {
  while (!left.empty() || !right.empty()) {
    size_t at = 0;
    for (;; ++at) {
      const bool left_ends = at >= left.size() || is_digit(left[at]);
      const bool right_ends = at >= right.size() || is_digit(right[at]);
      if (left_ends && right_ends) break;
      if (const auto order = rank_at(left, at) <=> rank_at(right, at); order != 0) return order;
    }
    left.remove_prefix(std::min(at, left.size()));
    right.remove_prefix(std::min(at, right.size()));
    const std::string_view left_number = take_number(left), right_number = take_number(right);
    if (const auto order = compare_numbers(left_number, right_number); order != 0) return order;
  }
  return std::strong_ordering::equal;
}
}  // namespace

std::strong_ordering compare_versions(std::string_view left, std::string_view right) {
  if (left == right) return std::strong_ordering::equal;
  const Parts a = split(left), b = split(right);
  if (const auto order = compare_parts(a.epoch, b.epoch); order != 0) return order;
  if (const auto order = compare_parts(a.upstream, b.upstream); order != 0) return order;
  return compare_parts(a.revision, b.revision);
}

bool satisfies(std::string_view version, VersionRelation relation, std::string_view bound) {
  if (relation == VersionRelation::kAny) return true;
  const auto order = compare_versions(version, bound);
  switch (relation) {
    case VersionRelation::kEarlier: return order < 0;
    case VersionRelation::kEarlierOrEqual: return order <= 0;
    case VersionRelation::kEqual: return order == 0;
    case VersionRelation::kLaterOrEqual: return order >= 0;
    default: return order > 0;
  }
}

bool matches_version(std::string_view version, std::string_view pattern) {
  if (!pattern.ends_with('*')) return compare_versions(version, pattern) == 0;
  return version.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace granary
