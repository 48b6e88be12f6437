#include "builder/cook/evidence.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "builder/archive/apt_archives.h"
#include "fs/base/file.h"
#include "fs/format/file_content.h"
#include "server/cook_branches.h"
#include "server/publisher.h"

namespace granary {

namespace {
constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;
constexpr const char* kReadme =
    "What a snapshot of this Granary repository was cooked from: the branch that this tree lies on is named after it.\n"
    "\n"
    "lock.json     every package with version and SHA-256, the order in which they were configured, accounts, times\n"
    "recipe.toml   what was asked for, as it was written\n"
    "keyrings/     the OpenPGP keys that may sign for each archive (gpgv --keyring)\n"
    "archives/     each directory is an apt archive: signed Release files, indices and packages as they were\n"
    "\n"
    "`granary recook REPOSITORY SNAPSHOT --offline` cooks the same tree again from this and compares. keyrings/ and\n"
    "archives/ are here when the snapshot was cooked with --archive; without them the packages have to be found by\n"
    "their SHA-256.\n";

// Names that a lock gives are foreign: they become paths only in this form.
Status check_relative(const std::string& path) {
  const bool is_odd = path.empty() || path.front() == '/' || path.find('\0') != std::string::npos;
  for (const auto& part : std::filesystem::path(path)) {
    if (is_odd || part == ".." || part == "." || part.empty())
      return Error{Code::kCorrupt, str("\"", printable(path), "\" is no path within an archive")};
  }
  return Done{};
}

std::string archive_path(const std::string& archive) { return "archives/" + archive; }
std::string dists_path(const LockedRelease& release) {
  return archive_path(release.archive) + "/dists/" + release.suite;
}
std::string index_path(const Lock& lock, const LockedIndex& index) {
  return dists_path(lock.releases[index.release]) + "/" + index.path;
}
std::string package_path(const Lock& lock, const LockedPackage& package) {
  return archive_path(lock.releases[lock.indices[package.index].release].archive) + "/" + package.path;
}
std::string keyring_path(const std::string& archive) { return "keyrings/" + archive + ".gpg"; }

// Every file that cooking again needs, beside the lock.
std::vector<std::string> needed_paths(const Lock& lock) {
  std::set<std::string> paths;
  for (const LockedRelease& release : lock.releases) {
    paths.insert(keyring_path(release.archive));
    paths.insert(dists_path(release) + "/InRelease");
  }
  for (const LockedIndex& index : lock.indices) paths.insert(index_path(lock, index));
  for (const LockedPackage& package : lock.packages) paths.insert(package_path(lock, package));
  return {paths.begin(), paths.end()};
}

std::string kept_inrelease_path(const std::string& cache, const Digest& digest) {
  return str(cache, "/inrelease/", digest.hex());
}

// ---- putting it together

class Collection {
 public:
  Collection(std::string top, UnixSeconds time) : top_(std::move(top)), time_(time) {}

  Status put(const std::string& path, ByteView bytes) {
    TRY(prepare(path));
    TRY(replace_file(top_ + "/" + path, bytes, 0644, Durability::kFast));
    return date(top_ + "/" + path);
  }

  // Without copying, where that can be.
  Status put_file(const std::string& path, const std::string& from) {
    TRY(prepare(path));
    const std::string to = top_ + "/" + path;
    if (::link(from.c_str(), to.c_str()) == 0) return date(to);
    std::error_code failure;
    std::filesystem::copy_file(from, to, failure);
    if (failure) return system_error(failure.value(), "cannot copy " + printable(from));
    return date(to);
  }

  // Directories, last: what is put into them changes their times.
  Status finish() {
    std::error_code failure;
    for (const auto& item : std::filesystem::recursive_directory_iterator(top_, failure)) {
      if (item.is_directory()) TRY(date(item.path(), 0755));
    }
    if (failure) return system_error(failure.value(), "cannot list " + printable(top_));
    return date(top_, 0755);
  }

 private:
  Status prepare(const std::string& path) {
    TRY(check_relative(path));
    return make_directories(std::filesystem::path(top_ + "/" + path).parent_path(), 0755);
  }
  // Whatever our umask, and whoever downloaded it.
  Status date(const std::string& path, mode_t mode = 0644) const {
    const timespec times[2] = {{time_, 0}, {time_, 0}};
    if (::chmod(path.c_str(), mode) != 0 || ::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0)
      return system_error(errno, "cannot prepare " + printable(path));
    return Done{};
  }

  const std::string top_;
  const UnixSeconds time_;
};

Status collect_archives(const Lock& lock, PackageSource& source, const EvidenceOptions& options, Collection& to) {
  std::set<std::string> keyrings;
  for (const LockedRelease& release : lock.releases) {
    const RecipeArchive archive = archive_of(lock, release);
    if (keyrings.insert(release.archive).second)
      TRY(to.put(keyring_path(release.archive), TRY(source.keyring(archive))));
    auto kept = read_file(kept_inrelease_path(options.cache, release.inrelease), kMaxFileBytes);
    const Bytes text = kept ? *std::move(kept) : TRY(source.inrelease(archive));
    if (Digest::of(text) != release.inrelease)
      return Error{Code::kConflict, str("archive ", release.archive, " has published suite ", release.suite,
                                        " anew since the lock was made, so that what signed it can no longer be kept: "
                                        "lock again, then cook with --archive")};
    TRY(to.put(dists_path(release) + "/InRelease", text));
  }
  for (const LockedIndex& index : lock.indices)
    TRY(to.put(index_path(lock, index), TRY(source.index(archive_of(lock, lock.releases[index.release]), index))));
  std::vector<uint32_t> numbers(lock.packages.size());
  for (uint32_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
  const auto paths = TRY(source.packages(lock, numbers, options.on_progress));
  for (const uint32_t i : numbers) TRY(to.put_file(package_path(lock, lock.packages[i]), paths[i]));
  return Done{};
}

// What of `paths` the catalog does not have.
std::vector<std::string> missing_in(Catalog& catalog, const std::vector<std::string>& paths) {
  std::vector<std::string> missing;
  for (const std::string& path : paths) {
    const auto entry = catalog.resolve(path);
    if (!entry || !entry->node.is_file()) missing.push_back(path);
  }
  return missing;
}

Result<std::unique_ptr<Catalog>> find_evidence(Repository& repository, const SnapshotId& snapshot) {
  const auto branch = TRY(repository.read()).branch(cook_evidence_branch(snapshot));
  if (!branch)
    return Error{Code::kNotFound, str("nothing was kept of what snapshot ", snapshot.brief(),
                                      " was made from: it was published, not cooked, or cooked without evidence")};
  return Catalog::open(branch->catalog, repository.objects());
}
}  // namespace

void keep_inrelease(const std::string& cache, ByteView inrelease) {
  const std::string path = kept_inrelease_path(cache, Digest::of(inrelease));
  if (exists(path) || !make_directories(cache + "/inrelease")) return;
  static_cast<void>(replace_file(path, inrelease, 0644, Durability::kFast));
}

Result<bool> store_evidence(Repository& repository, const Lock& lock, const SnapshotId& snapshot, PackageSource* source,
                            const EvidenceOptions& options) {
  if (const auto kept = find_evidence(repository, snapshot)) {
    const bool is_complete = missing_in(**kept, needed_paths(lock)).empty();
    if (is_complete || !options.archive) return is_complete;
  }
  if (options.archive && source == nullptr)
    return Error{Code::kUnavailable, "packages are to be archived, but there is nowhere to fetch them from"};
  TRY(make_directories(options.cache, 0755));
  const TemporaryDirectory directory = TRY(TemporaryDirectory::make(options.cache));
  Collection collection(directory.path(), lock.source_date_epoch);
  TRY(collection.put("README", kReadme));
  TRY(collection.put("lock.json", lock.serialise()));
  if (!options.recipe_text.empty()) TRY(collection.put("recipe.toml", options.recipe_text));
  if (options.archive) TRY_WITHIN("cannot archive", collect_archives(lock, *source, options, collection));
  TRY(collection.finish());

  PublishOptions how;
  how.source = directory.path();
  how.branch = cook_evidence_branch(snapshot);
  how.message = str("what snapshot ", snapshot.hex(), " was cooked from");
  how.checksum = true;
  how.repack = false;
  const auto published = publish(repository, how, OnProgress());
  if (published) return options.archive;
  // Another cook of the same was faster: what it kept is what we would have kept, or less.
  const auto kept = find_evidence(repository, snapshot);
  if (published.error().code != Code::kConflict || !kept) return published.error().within("cannot keep the evidence");
  const bool is_complete = missing_in(**kept, needed_paths(lock)).empty();
  if (is_complete || !options.archive) return is_complete;
  TRY_WITHIN("cannot keep the evidence", publish(repository, how, OnProgress()));
  return true;
}

Result<std::unique_ptr<Evidence>> Evidence::open(Repository& repository, const SnapshotId& snapshot,
                                                 const std::string& scratch, PackageSource* fallback) {
  auto catalog = TRY(find_evidence(repository, snapshot));
  std::unique_ptr<Evidence> evidence(new Evidence(repository, std::move(catalog), scratch, fallback));
  evidence->lock_ = TRY_WITHIN("the kept lock", Lock::parse(TRY(evidence->read("lock.json"))));
  return evidence;
}

std::vector<std::string> Evidence::missing() { return missing_in(*catalog_, needed_paths(lock_)); }

Result<Bytes> Evidence::read(const std::string& path) {
  TRY(check_relative(path));
  return TRY_WITHIN("evidence", read_whole_file(*catalog_, repository_.objects(), path, kMaxFileBytes));
}

Result<Bytes> Evidence::inrelease(const RecipeArchive& archive) {
  return read(archive_path(archive.name) + "/dists/" + archive.suite + "/InRelease");
}

Result<Bytes> Evidence::keyring(const RecipeArchive& archive) { return read(keyring_path(archive.name)); }

Result<Bytes> Evidence::index(const RecipeArchive& archive, const LockedIndex& index) {
  Bytes bytes = TRY(read(archive_path(archive.name) + "/dists/" + archive.suite + "/" + index.path));
  if (bytes.size() == index.size_bytes && Digest::of(bytes) == index.digest) return bytes;
  return Error{Code::kCorrupt, str("the kept index ", index.path, " is not the one that the lock names")};
}

Result<std::string> Evidence::take_out(const LockedPackage& package, const std::string& path) {
  const std::string to = str(scratch_, "/", package.digest.hex(), ".deb");
  if (exists(to)) return to;
  const Bytes bytes = TRY(read(path));
  if (bytes.size() != package.size_bytes || Digest::of(bytes) != package.digest)
    return Error{Code::kCorrupt, str("the kept package ", package.name, " is not the one that the lock names")};
  TRY(replace_file(to, bytes, 0644, Durability::kFast));
  return to;
}

Result<std::vector<std::string>> Evidence::packages(const Lock& lock, std::span<const uint32_t> numbers,
                                                    const std::function<void(const FetchProgress&)>& on_progress) {
  FetchProgress progress;
  progress.files_total = numbers.size();
  for (const uint32_t number : numbers) progress.bytes_total += lock.packages[number].size_bytes;
  std::vector<std::string> paths(numbers.size());
  std::vector<uint32_t> elsewhere;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const LockedPackage& package = lock.packages[numbers[i]];
    const std::string path = package_path(lock, package);
    TRY(check_relative(path));
    auto taken = take_out(package, path);
    if (!taken && taken.error().code == Code::kNotFound && fallback_ != nullptr) {
      elsewhere.push_back(numbers[i]);
      continue;
    }
    paths[i] = TRY_WITHIN("package " + package.name, std::move(taken));
    ++progress.files;
    progress.bytes += package.size_bytes;
    on_progress(progress);
  }
  if (elsewhere.empty()) return paths;
  const auto fetched = TRY(fallback_->packages(lock, elsewhere, on_progress));
  for (size_t i = 0, next = 0; i < paths.size(); ++i) {
    if (paths[i].empty()) paths[i] = fetched[next++];
  }
  return paths;
}

}  // namespace granary
