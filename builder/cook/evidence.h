// Evidence: what a snapshot was cooked from, as an ordinary tree on branch cook/evidence/SNAPSHOT of the same
// repository (docs/preservation.md): always its lock and recipe; when archived, all that cooking again needs.
//   lock.json                                the lock
//   recipe.toml                              the recipe as the person wrote it
//   README                                   what this is, for whoever finds it
//   keyrings/ARCHIVE.gpg                     the keys that may sign for an archive
//   archives/ARCHIVE/dists/SUITE/InRelease   the signed Release file
//   archives/ARCHIVE/dists/SUITE/...         the index files that it names
//   archives/ARCHIVE/pool/...                the packages, where the index says
// so that each directory below archives/ is an apt archive, for any tool that knows one.
// The class reads it back as a PackageSource. One thread. Borrows the repository.
#pragma once

#include "builder/archive/package_source.h"
#include "fs/format/catalog.h"
#include "server/repository.h"

namespace granary {

struct EvidenceOptions {
  bool archive = false;
  std::string cache;  // where it is put together
  Bytes recipe_text;
  std::function<void(const FetchProgress&)> on_progress = [](const FetchProgress&) {};
};

// Keeps it, unless it is kept already. True when all of it is there afterwards. `source` is asked only when archiving.
Result<bool> store_evidence(Repository& repository, const Lock& lock, const SnapshotId& snapshot, PackageSource* source,
                            const EvidenceOptions& options);

class Evidence : public PackageSource {
 public:
  // `scratch`: an existing directory that files are taken out to; it stays as long as this.
  // `fallback`: is asked for packages that were not kept; may be null.
  //   kNotFound  nothing was kept for this snapshot
  static Result<std::unique_ptr<Evidence>> open(Repository& repository, const SnapshotId& snapshot,
                                                const std::string& scratch, PackageSource* fallback);

  const Lock& lock() const { return lock_; }
  // What cooking again would miss, as paths; empty when it was archived.
  std::vector<std::string> missing();

  Result<Bytes> inrelease(const RecipeArchive& archive) override;
  Result<Bytes> keyring(const RecipeArchive& archive) override;
  Result<Bytes> index(const RecipeArchive& archive, const LockedIndex& index) override;
  Result<std::vector<std::string>> packages(const Lock& lock, std::span<const uint32_t> numbers,
                                            const std::function<void(const FetchProgress&)>& on_progress) override;

 private:
  Evidence(Repository& repository, std::unique_ptr<Catalog> catalog, std::string scratch, PackageSource* fallback)
      : repository_(repository), catalog_(std::move(catalog)), scratch_(std::move(scratch)), fallback_(fallback) {}
  Result<Bytes> read(const std::string& path);
  Result<std::string> take_out(const LockedPackage& package, const std::string& path);

  Repository& repository_;
  const std::unique_ptr<Catalog> catalog_;
  const std::string scratch_;
  PackageSource* const fallback_;
  Lock lock_;
};

// Notes an InRelease file in the folder of cooks, because an archive has only its newest, and a lock may be archived
// later. That it cannot be kept shows when it is missing.
void keep_inrelease(const std::string& cache, ByteView inrelease);

}  // namespace granary
