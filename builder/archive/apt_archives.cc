#include "builder/archive/apt_archives.h"

#include <unistd.h>

#include <cstdlib>

#include "builder/archive/keyring.h"
#include "fs/base/file.h"

namespace granary {

namespace {
constexpr uint64_t kMaxInReleaseBytes = 16 << 20;
constexpr uint64_t kMaxIndexBytes = uint64_t{1} << 30;

std::string name_of(const RecipeArchive& archive) {
  return str("archive ", printable(archive.name), ", suite ", printable(archive.suite));
}

// As a URL writes a path: what is no plain character as %XX.
std::string escaped(std::string_view path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/+:=@,").find(c) != std::string_view::npos;
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

std::vector<std::string> below(const std::vector<std::string>& urls, const std::string& path) {
  std::vector<std::string> full;
  for (const std::string& url : urls) full.push_back(url + "/" + escaped(path));
  return full;
}

// An error of fetching, with what a person can do about it.
Error told(const Error& error, const RecipeArchive& archive) {
  if (error.code == Code::kUnavailable)
    return Error{error.code, str(name_of(archive), ": ", error.message,
                                 " (check the network, http_proxy, and the URL in apt's sources)")};
  return error.within(name_of(archive));
}
}  // namespace

Result<Bytes> AptArchives::inrelease(const RecipeArchive& archive) {
  const ArchivePlace place = TRY(sources_.find(archive));
  const auto urls = below(place.urls, "dists/" + archive.suite + "/InRelease");
  auto bytes = downloads_.fetch_fresh(urls, kMaxInReleaseBytes, "InRelease");
  if (bytes) return bytes;
  if (bytes.error().code != Code::kNotFound) return told(bytes.error(), archive);
  return Error{Code::kNotFound, str(name_of(archive), ": no such suite there (", bytes.error().message, ")")};
}

Result<Bytes> AptArchives::keyring(const RecipeArchive& archive) {
  const ArchivePlace place = TRY(sources_.find(archive));
  if (place.keys.empty()) return read_keyrings(place.keyring_files);
  return binary_keyring(place.keys);
}

Result<Bytes> AptArchives::index(const RecipeArchive& archive, const LockedIndex& index) {
  if (index.size_bytes > kMaxIndexBytes) return Error{Code::kEndlessData, index.path + " is too long for an index"};
  const ArchivePlace place = TRY(sources_.find(archive));
  const std::string path = "dists/" + archive.suite + "/" + index.path;
  const std::string by_hash = path.substr(0, path.rfind('/')) + "/by-hash/SHA256/" + index.digest.hex();
  std::vector<std::string> urls = below(place.urls, by_hash);
  for (std::string& url : below(place.urls, path)) urls.push_back(std::move(url));
  const WantedFile wanted{std::move(urls), index.size_bytes, index.digest, index.path};
  const auto paths = downloads_.fetch({wanted}, [](const FetchProgress&) {});
  if (!paths) return told(paths.error(), archive);
  return read_file(paths->front(), index.size_bytes);
}

Result<std::vector<std::string>> AptArchives::packages(const Lock& lock, std::span<const uint32_t> numbers,
                                                       const std::function<void(const FetchProgress&)>& on_progress) {
  std::vector<std::optional<ArchivePlace>> places(lock.releases.size());
  std::vector<WantedFile> wanted;
  for (const uint32_t number : numbers) {
    const LockedPackage& package = lock.packages[number];
    const uint32_t release = lock.indices[package.index].release;
    auto& place = places[release];
    if (!place) place = TRY(sources_.find(archive_of(lock, lock.releases[release])));
    wanted.push_back({below(place->urls, package.path), package.size_bytes, package.digest,
                      str("package ", package.name, " ", package.version)});
  }
  auto paths = downloads_.fetch(wanted, on_progress);
  if (!paths && paths.error().code == Code::kNotFound)
    return Error{Code::kNotFound, paths.error().message +
                                      ": archives forget what they have replaced. Resolve the recipe anew (granary "
                                      "lock), or cook from what --archive kept"};
  return paths;
}

std::string default_cook_cache() {
  if (::geteuid() == 0) return "/var/cache/granary/cook";
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/')
    return str(cache, "/granary/cook");
  const char* const home = std::getenv("HOME");
  return str(home != nullptr ? home : "/tmp", "/.cache/granary/cook");
}

RecipeArchive archive_of(const Lock& lock, const LockedRelease& release) {
  for (const std::string& suite : {release.suite, std::string()}) {
    for (const RecipeArchive& archive : lock.recipe.archives) {
      if (archive.name != release.archive || archive.suite != suite) continue;
      RecipeArchive found = archive;
      found.suite = release.suite;
      return found;
    }
  }
  return {release.archive, {}, release.suite, {}, {}};
}

}  // namespace granary
