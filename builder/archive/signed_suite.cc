#include "builder/archive/signed_suite.h"

#include <algorithm>

#include "builder/archive/signed_release.h"

namespace granary {

namespace {
std::string name_of(const RecipeArchive& archive) {
  return str("archive ", printable(archive.name), ", suite ", printable(archive.suite));
}

// The best first: how small they are decides, and how fast they are to read.
constexpr std::string_view kSuffixes[] = {".xz", ".zst", ".gz", ".bz2", ""};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + printable(word);
  return text;
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::optional<NamedIndex> find_index(const Release& release, const std::string& path) {
  const auto plain = release.files.find(path);
  if (plain == release.files.end()) return std::nullopt;
  for (const std::string_view suffix : kSuffixes) {
    const auto stored = release.files.find(path + std::string(suffix));
    if (stored == release.files.end()) continue;
    return NamedIndex{{0, stored->first, stored->second.size_bytes, stored->second.digest}, plain->second};
  }
  return std::nullopt;
}

Result<SignedSuite> verify(const RecipeArchive& archive, Bytes inrelease, Bytes keyring, UnixSeconds as_of) {
  const SignedText text = TRY(verify_inrelease(inrelease, keyring, as_of));
  Release parsed = TRY(Release::parse(text.text));
  SignedSuite verified{archive, std::move(inrelease), std::move(keyring), std::move(parsed), {}};
  const Release& release = verified.release;
  TRY(release.check_suite(archive.suite));
  TRY(release.check_fresh(as_of));
  verified.locked = {archive.name, archive.suite,       release.codename,
                     release.date, release.valid_until, Digest::of(verified.inrelease),
                     text.signers};
  return verified;
}
}  // namespace

Result<std::vector<NamedIndex>> SignedSuite::indices(const std::string& architecture) const {
  if (!release.architectures.empty() && !contains(release.architectures, architecture))
    return Error{Code::kNotFound, str(name_of(archive), ": it has no packages for ", printable(architecture),
                                      ", only for ", joined(release.architectures))};
  std::vector<NamedIndex> found;
  const std::vector<std::string> wanted =
      archive.components.empty() ? std::vector<std::string>{"main"} : archive.components;
  for (const std::string& component : wanted) {
    // Releases of security archives may call their components "updates/main" and keep them as "main".
    const std::string folder = component.substr(component.rfind('/') + 1);
    auto index = find_index(release, str(folder, "/binary-", architecture, "/Packages"));
    if (!index)
      return Error{Code::kNotFound, str(name_of(archive), ": it has no component ", printable(component), ", only ",
                                        joined(release.components))};
    found.push_back(std::move(*index));
    if (release.packages_hold_all) continue;
    if (auto all = find_index(release, folder + "/binary-all/Packages")) found.push_back(std::move(*all));
  }
  return found;
}

Result<SignedSuite> verify_release(const RecipeArchive& archive, Bytes inrelease, Bytes keyring, UnixSeconds as_of) {
  return TRY_WITHIN(name_of(archive) + ": InRelease cannot be trusted",
                    verify(archive, std::move(inrelease), std::move(keyring), as_of));
}

Result<SignedSuite> fetch_release(PackageSource& source, const RecipeArchive& archive, UnixSeconds as_of) {
  Bytes inrelease = TRY(source.inrelease(archive));
  Bytes keyring = TRY_WITHIN(name_of(archive), source.keyring(archive));
  return verify_release(archive, std::move(inrelease), std::move(keyring), as_of);
}

}  // namespace granary
