// Lock: exactly what a recipe resolved to (docs/cooking.md, "The lock"): every package by its digest, the signed
// indices it came from, the order in which packages are configured, and what else a tree depends on. The same recipe
// and the same indices give the same lock, byte for byte. Never says where anything was fetched from. A value type.
#pragma once

#include <string>
#include <vector>

#include "builder/recipe/recipe.h"
#include "fs/base/bytes.h"
#include "fs/base/digest.h"
#include "fs/base/time.h"

namespace granary {

// One signed Release file, kept verbatim beside the lock (by its digest) when a snapshot is archived.
struct LockedRelease {
  std::string archive;  // "debian", "debian-security"
  std::string suite;    // "bookworm-updates"
  std::string codename;
  UnixSeconds date = 0;
  std::optional<UnixSeconds> valid_until;
  Digest inrelease;                  // of the InRelease file's bytes
  std::vector<std::string> signers;  // fingerprints of the keys whose signatures were good, sorted
  bool operator==(const LockedRelease&) const = default;
};

// One Packages file that a release names.
struct LockedIndex {
  uint32_t release = 0;  // number of the release in Lock::releases
  std::string path;      // "main/binary-amd64/Packages.xz", relative to dists/SUITE/
  uint64_t size_bytes = 0;
  Digest digest;
  bool operator==(const LockedIndex&) const = default;
};

struct LockedPackage {
  std::string name;
  std::string version;
  std::string architecture;
  std::string path;  // "pool/main/b/bash/bash_5.2.15-2+b8_amd64.deb", relative to the archive
  uint64_t size_bytes = 0;
  Digest digest;       // SHA-256 of the .deb
  uint32_t index = 0;  // number of the index in Lock::indices
  uint32_t layer = 0;  // number of the layer in Lock::layers
  bool operator==(const LockedPackage&) const = default;
};

// A system account that maintainer scripts make: they find it there with this number already.
struct LockedAccount {
  std::string name;
  bool is_group = false;  // else a user, whose group stands in the table too
  uint32_t id = 0;
  uint32_t gid = 0;                  // of a user
  std::string home, shell, comment;  // of a user
  std::string package;               // the one that makes it
  bool operator==(const LockedAccount&) const = default;
};

struct Lock {
  static constexpr int kFormat = 1;

  Recipe recipe;         // whole, as merged
  Digest recipe_digest;  // of its canonical text
  std::string architecture;
  UnixSeconds source_date_epoch = 0;  // the newest `date` among the releases
  std::vector<LockedRelease> releases;
  std::vector<LockedIndex> indices;
  std::vector<std::string> layers;      // "core", then one per recipe of the chain that wishes for packages
  std::vector<LockedPackage> packages;  // in the order they are unpacked and configured; layers one after the other
  std::vector<LockedAccount> accounts;
  std::string solver;          // "clasp 3.3.5"
  uint64_t skipped_newer = 0;  // the objective, proved minimal: newer versions passed over, then packages
  uint64_t package_count = 0;

  // The lock as a file: JSON, one package a line, members in a fixed order.
  Bytes serialise() const;
  //   kCorrupt      not a lock, or one that contradicts itself
  //   kUnsupported  of a newer format
  static Result<Lock> parse(ByteView text);
  // Of the serialised text: names the lock.
  Digest digest() const;

  bool operator==(const Lock&) const = default;
};

}  // namespace granary
