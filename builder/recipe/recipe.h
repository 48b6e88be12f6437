// Recipe: what a person asks for, as a readable TOML file says it (docs/cooking.md, "The recipe"). A value type, whole:
// `extends` and drop-ins are merged in already. Names and wishes, never where packages are fetched from unless the
// recipe says so itself.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/base/result.h"

namespace granary {

// One apt archive, such as [[archive]] name = "debian". Without `url` it is found among the host's own apt sources.
struct RecipeArchive {
  std::string name;   // "debian", "debian-security", or one of the recipe's own
  std::string url;    // empty: the host's own source of that name
  std::string suite;  // "bookworm-updates"
  std::vector<std::string> components;
  Bytes keyring;  // OpenPGP keys, read from a file beside the recipe; empty: the host's for that archive
  bool operator==(const RecipeArchive&) const = default;
};

// A version that must be taken: "1.2-3", or a pattern with one * at the end: "1.2*".
struct RecipePin {
  std::string package;
  std::string version;
  bool operator==(const RecipePin&) const = default;
};

// One recipe of the chain of `extends`, the outermost ancestor first: its wishes become a layer of their own.
struct RecipeWishes {
  std::string recipe;                 // its name
  std::vector<std::string> packages;  // "openssh-server", "mail-transport-agent", "python3 (>= 3.11)"
  std::vector<std::string> groups;    // "priority:standard", "task:ssh-server"
  bool operator==(const RecipeWishes&) const = default;
};

// A file, directory or symbolic link that the recipe adds. Exactly one of content, target, directory. What lies beside
// the recipe (`source`, an overlay directory) was read when it was loaded, so that a recipe and a lock stand alone.
struct RecipeFile {
  std::string path;  // absolute, in the tree
  std::optional<Bytes> content;
  std::string target;  // a symbolic link
  bool directory = false;
  std::optional<uint16_t> mode;
  std::string owner, group;  // names in the tree; empty: root
  bool operator==(const RecipeFile&) const = default;
};

struct RecipeUser {
  std::string name;
  std::optional<uint32_t> uid, gid;
  std::string group;  // primary; empty: one of its own name
  std::vector<std::string> groups;
  std::string home, shell, comment;
  std::string password_hash;  // as in /etc/shadow; empty: locked
  std::vector<std::string> ssh_keys;
  bool system = false;
  bool operator==(const RecipeUser&) const = default;
};

struct RecipeGroup {
  std::string name;
  std::optional<uint32_t> gid;
  bool operator==(const RecipeGroup&) const = default;
};

// A script run in the tree (`chroot`, /bin/sh unless it starts with #!), after packages, files and users.
struct RecipeHook {
  std::string name;
  std::string script;  // its text, wherever it came from
  bool operator==(const RecipeHook&) const = default;
};

// A command that must succeed in a throw-away overlay over the finished tree before it is published.
struct RecipeTest {
  std::string name;
  std::string command;  // for /bin/sh
  uint32_t timeout_seconds = 60;
  bool operator==(const RecipeTest&) const = default;
};

struct Recipe {
  std::string name;
  std::string description;
  std::string suite;         // "bookworm"
  std::string architecture;  // "amd64"; empty: the host's
  bool recommends = false;   // take Recommends along
  std::vector<RecipeArchive> archives;
  std::vector<RecipeWishes> wishes;  // ancestors first, this recipe last
  std::vector<std::string> exclude;  // packages that must not be there
  std::vector<RecipePin> pins;
  std::vector<RecipeFile> files;
  std::vector<RecipeUser> users;
  std::vector<RecipeGroup> groups;
  std::vector<RecipeHook> hooks;
  std::vector<RecipeTest> tests;
  std::string locale;    // "C.UTF-8"
  std::string timezone;  // "Etc/UTC"
  std::string hostname;
  std::map<std::string, std::string> boot;     // needs of booting: "init", "kernel", "modules"; carried into the lock
  std::map<std::string, std::string> debconf;  // "package question" → "type value", preseeded before configuring

  bool operator==(const Recipe&) const = default;
};

}  // namespace granary
