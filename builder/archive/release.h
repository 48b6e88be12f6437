// Release: what an archive says about one suite: its names, its date and the digests of its indices. Parsed only from
// text whose signature was found good (signed_release.h). A value type.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fs/base/digest.h"
#include "fs/base/time.h"

namespace granary {

struct ReleaseFile {
  uint64_t size_bytes = 0;
  Digest digest;
  bool operator==(const ReleaseFile&) const = default;
};

struct Release {
  std::string origin, label, suite, codename;
  UnixSeconds date = 0;
  std::optional<UnixSeconds> valid_until;
  std::vector<std::string> components;
  std::vector<std::string> architectures;
  bool packages_hold_all = false;                         // packages of architecture "all" stand in each Packages file
  std::map<std::string, ReleaseFile, std::less<>> files;  // by path, relative to dists/SUITE/

  //   kCorrupt  not a Release file: the message names the field
  static Result<Release> parse(ByteView text);

  // Whether it is the suite that was asked for, by its name or its code name.
  //   kMixAndMatch  it is another one
  Status check_suite(const std::string& asked) const;
  //   kExpired  Valid-Until lies before `now`
  Status check_fresh(UnixSeconds now) const;
};

// "Sat, 12 Sep 2026 09:12:33 UTC".
Result<UnixSeconds> parse_release_date(std::string_view text);

}  // namespace granary
