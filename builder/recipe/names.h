// What may be written where in a recipe and in a lock: names of packages, suites, architectures and accounts, wishes,
// modes, paths beside the recipe. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fs/base/bytes.h"

namespace granary {

// "libstdc++6": as Debian Policy 5.6.1 has it.
bool is_package_name(std::string_view text);
// "1:2.36-9+deb12u10": as Debian Policy 5.6.12 has it.
bool is_package_version(std::string_view text);
// "bash", "python3 (>= 3.11)": one package, with a bound on its version or not.
bool is_package_wish(std::string_view text);
// The package of a wish: "python3" of "python3 (>= 3.11)".
std::string package_of_wish(std::string_view wish);
// "priority:standard", "task:ssh-server", "section:science".
bool is_package_group(std::string_view text);
// "1.2-3", or "1.2*".
bool is_version_pattern(std::string_view text);

// "bookworm", "bookworm-updates", "stable/updates".
bool is_suite_name(std::string_view text);
// "main", "non-free-firmware", "debian-security": archives and their components.
bool is_archive_name(std::string_view text);
// Debian's architectures, released and unofficial.
const std::vector<std::string>& architectures();
bool is_architecture(std::string_view text);

// "www-data": what useradd takes.
bool is_account_name(std::string_view text);
bool is_host_name(std::string_view text);
// "C.UTF-8", "de_DE.UTF-8", "de_DE@euro".
bool is_locale(std::string_view text);
// "Etc/UTC".
bool is_timezone(std::string_view text);

// "0755", "4755": up to four octal digits.
std::optional<uint16_t> parse_mode(std::string_view text);
std::string format_mode(uint16_t mode);

// "etc/motd": relative, in shortest form, nothing of it "." or "..".
bool is_path_below(std::string_view text);

// Valid UTF-8 whose only control characters are tab, line feed and carriage return.
bool is_text(ByteView bytes);

}  // namespace granary
