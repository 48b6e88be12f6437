// The archives that this host's apt knows: its one-line lists (sources.list(5)) and its deb822 files. What a recipe
// calls "debian" is found among them, so that no mirror is written into a recipe. Value types.
#pragma once

#include <string>
#include <vector>

#include "builder/recipe/recipe.h"

namespace granary {

// One entry for binary packages ("deb"); entries for sources and disabled ones are left out.
struct AptSource {
  std::string file;                 // name of the file it stands in, without directory and suffix: "debian"
  std::vector<std::string> urls;    // each has the same; no trailing slash
  std::vector<std::string> suites;  // "bookworm", "bookworm-updates"
  std::vector<std::string> components;
  std::vector<std::string> signed_by;  // files of keys; empty: all that apt trusts, unless `keys` holds some
  Bytes keys;                          // keys written into the entry itself, ASCII-armoured
  bool operator==(const AptSource&) const = default;
};

// The text of a .list file, or of a .sources file.
//   kInvalid  not one: the message names file and line, or stanza
Result<std::vector<AptSource>> parse_source_list(std::string_view text, const std::string& file);
Result<std::vector<AptSource>> parse_deb822_sources(std::string_view text, const std::string& file);

// Where an archive's suite is, and whose signatures count.
struct ArchivePlace {
  std::vector<std::string> urls;  // of the archive; each may be asked
  std::vector<std::string> keyring_files;
  Bytes keys;  // ASCII-armoured or binary; beside the files
};

class AptSources {
 public:
  // Of /etc/apt, or of the directory that GRANARY_APT_SOURCES names: sources.list, *.list and *.sources in it and in
  // its sources.list.d; keys in trusted.gpg and trusted.gpg.d.
  //   kInvalid  a file is none of apt's
  static Result<AptSources> of_host();
  static Result<AptSources> read(const std::string& directory);

  // The place of an archive of a recipe: its own `url`, else the host's source of that name. "debian" and
  // "debian-security" are known by their suites and components (another suite of theirs is found at the same place),
  // any other name by the file that the source stands in.
  //   kNotFound  no such archive is known here: the message names those that are
  Result<ArchivePlace> find(const RecipeArchive& archive) const;

  const std::vector<AptSource>& sources() const { return sources_; }

 private:
  std::string directory_;
  std::vector<AptSource> sources_;
  std::vector<std::string> trusted_;  // files of keys, sorted
};

}  // namespace granary
