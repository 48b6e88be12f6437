#include "builder/cook/tree_comparison.h"

#include <algorithm>
#include <map>

#include "fs/format/changed_parts.h"
#include "fs/format/file_content.h"

namespace granary {

namespace {
constexpr uint64_t kMaxListBytes = uint64_t{64} << 20;

// What is known to come out differently when it is not taken out or cured (docs/preservation.md, "Known offenders").
struct Offender {
  const char* prefix;
  const char* suffix;
  const char* why;
};
constexpr Offender kOffenders[] = {
    {"/etc/ssh/ssh_host_", "", "a host key, made at random"},
    {"/etc/machine-id", "", "a machine's identity, made at random"},
    {"/var/lib/dbus/machine-id", "", "a machine's identity, made at random"},
    {"/var/lib/systemd/random-seed", "", "a random seed"},
    {"/var/cache/ldconfig/aux-cache", "", "ldconfig notes inode numbers and times of the machine in it"},
    {"/var/log/", "", "a log, with the times of the cook"},
    {"/var/cache/fontconfig/", "", "fontconfig names its caches at random"},
    {"/var/cache/man/", "", "man-db notes times of the machine in it"},
    {"/usr/share/mime/", "", "a cache made from what is installed"},
    {"/var/lib/texmf/", "", "TeX notes the time in its formats"},
    {"/", ".pyc", "Python notes the time of its source in it"},
    {"/", ".uuid", "made at random"},
};

std::string offence_of(const std::string& path) {
  for (const Offender& offender : kOffenders) {
    if (path.starts_with(offender.prefix) && path.ends_with(offender.suffix))
      return str("known to differ: ", offender.why);
  }
  return {};
}

std::vector<std::string> changes_of(const Entry& before, const Entry& after) {
  std::vector<std::string> parts = changed_parts(before.node, after.node);
  if (parts.empty()) parts.emplace_back("links");
  return parts;
}

// Whose package a path is, by the lists of dpkg's database. Only differing paths are looked for.
class Owners {
 public:
  Owners(Catalog& catalog, ObjectReader& objects) : catalog_(catalog), objects_(objects) {}

  Status look_for(std::vector<TreeDifference>& differences) {
    std::multimap<std::string, TreeDifference*> wanted;
    for (TreeDifference& difference : differences) {
      wanted.emplace(difference.path, &difference);
      // Packages may name /bin/x what lies in /usr/bin since the merge.
      if (difference.path.starts_with("/usr/")) wanted.emplace(difference.path.substr(4), &difference);
    }
    const auto info = catalog_.resolve("var/lib/dpkg/info");
    if (!info) return Done{};  // no dpkg here
    std::vector<Bytes> lists;
    TRY(catalog_.list(info->inode, {}, [&](Entry&& entry) {
      if (entry.name.ends_with(".list")) lists.push_back(entry.name);
      return true;
    }));
    for (const Bytes& list : lists) TRY(read_list(list, wanted));
    return Done{};
  }

 private:
  Status read_list(const Bytes& name, const std::multimap<std::string, TreeDifference*>& wanted) {
    const Bytes text = TRY(read_whole_file(catalog_, objects_, "var/lib/dpkg/info/" + name, kMaxListBytes));
    const std::string package = name.substr(0, std::min(name.find(':'), name.size() - 5));
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const auto [first, last] = wanted.equal_range(text.substr(at, end - at));
      for (auto found = first; found != last; ++found) {
        if (found->second->package.empty()) found->second->package = package;
      }
      at = end + 1;
    }
    return Done{};
  }

  Catalog& catalog_;
  ObjectReader& objects_;
};

std::string reason_for(const TreeDifference& difference) {
  if (std::string offence = offence_of(difference.path); !offence.empty()) return offence;
  if (difference.package.empty()) return "made by a script or the recipe, not part of a package";
  if (difference.parts == std::vector<std::string>{"mtime"}) return "only its time: a script touched it";
  return str("part of package ", difference.package, ", changed after it was unpacked");
}
}  // namespace

Result<TreeComparison> compare_trees(Catalog& before, ObjectReader& before_objects, Catalog& after, size_t limit) {
  static constexpr const char* kChanges[] = {"additional", "missing", "changed"};
  TreeComparison comparison;
  TRY(diff_catalogs(before, after, [&](Difference&& found) {
    ++comparison.count;
    if (comparison.differences.size() == limit) return true;
    TreeDifference difference;
    difference.path = "/" + printable(found.path);
    difference.change = kChanges[static_cast<size_t>(found.kind)];
    if (found.before && found.after) difference.parts = changes_of(*found.before, *found.after);
    comparison.differences.push_back(std::move(difference));
    return true;
  }));
  TRY(Owners(before, before_objects).look_for(comparison.differences));
  for (TreeDifference& difference : comparison.differences) difference.why = reason_for(difference);
  return comparison;
}

}  // namespace granary
