// Versions of Debian packages, "[epoch:]upstream[-revision]": their order, exactly as dpkg has it.
#pragma once

#include <compare>
#include <string_view>

namespace granary {

// The order of Debian Policy, section 5.6.12. Any text is taken: what is no valid version has a place in the order,
// too.
std::strong_ordering compare_versions(std::string_view left, std::string_view right);

enum class VersionRelation : unsigned char { kAny, kEarlier, kEarlierOrEqual, kEqual, kLaterOrEqual, kLater };

// Whether `version` stands in that relation to `bound`; always for kAny.
bool satisfies(std::string_view version, VersionRelation relation, std::string_view bound);

// Whether `version` is `pattern`, or starts with what stands before the one * at the pattern's end.
bool matches_version(std::string_view version, std::string_view pattern);

}  // namespace granary
