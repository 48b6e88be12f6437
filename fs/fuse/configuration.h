// Configuration: what the administrator of a machine has written about its mounts, in /etc/granary/granary.conf and
// then /etc/granary/conf.d/*.conf in the order of their names; of two that say the same, the later holds.
//   # a comment, on a line of its own
//   [defaults]                 for every mount
//   quota = 20G
//   [repository debian]        for `granary mount debian`, `mount -t granary debian /sw`
//   url = https://sw.example.org/debian
//   mount_point = /sw
//   options = allow_other,suid
// Keys are the names of the mount options (mount_options.h), and url, mount_point, automount and options. Nothing is
// included, expanded or run. A value type.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fs/fuse/mount_options.h"

namespace granary {

inline constexpr size_t kMaxConfigurationBytes = size_t{1} << 20;

class Configuration {
 public:
  // One line that says something.
  struct Entry {
    std::string key;
    std::string value;
    std::string origin;  // "/etc/granary/granary.conf:12"
    bool operator==(const Entry&) const = default;
  };
  struct Problem {
    std::string repository;  // whose section it is in; empty: it concerns all mounts
    std::string text;        // begins with file and line
    bool operator==(const Problem&) const = default;
  };
  // Of one repository, or of the defaults.
  struct Section {
    std::string origin;             // of its heading
    std::vector<Entry> entries;     // url, mount_point, automount: each at most once
    std::vector<Setting> settings;  // mount options, what `options` lists included
    const Entry* find(std::string_view key) const;
    bool operator==(const Section&) const = default;
  };

  static constexpr const char* kDefaultPlace = "/etc/granary";
  // $GRANARY_CONFIG, else kDefaultPlace.
  static std::string default_place();

  // `place` is a directory such as /etc/granary, or a single file. What cannot be read or understood becomes a problem;
  // a directory without configuration is an empty one.
  static Configuration load(const std::string& place);
  // Adds what one more file says.
  void add(ByteView text, const std::string& file);

  const std::string& place() const { return place_; }
  const Section& defaults() const { return defaults_; }
  const std::map<std::string, Section>& repositories() const { return repositories_; }
  const std::vector<Problem>& problems() const { return problems_; }
  // Not wrong, but worth telling: "…:3: holds a password, and everybody may read it (chmod 600)".
  const std::vector<std::string>& warnings() const { return warnings_; }

  // What is wrong for a mount of that repository; empty: of none in particular.
  std::optional<Error> problem_of(const std::string& repository) const;
  // The trust file of that name beside the configuration: /etc/granary/debian.trust.
  std::string trust_file_of(const std::string& repository) const;

 private:
  struct Reader;
  void read(const std::string& file, bool is_explicit);

  std::string place_;
  Section defaults_;
  std::map<std::string, Section> repositories_;
  std::vector<Problem> problems_;
  std::vector<std::string> warnings_;
};

// True for a URL, or a proxy (or several in a value), with a password in it.
bool holds_password(const std::string& value);
// The same value with each password as "***".
std::string without_passwords(const std::string& value);

}  // namespace granary
