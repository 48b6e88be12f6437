#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "builder/tree/differences.h"
#include "builder/tree/install.h"
#include "builder/tree/tree_root.h"
#include "fs/base/file.h"

namespace granary {

namespace {
// What a machine makes for itself at its first boot because we took it out. Only where the package that wants it is
// part of what is finished: its unit's directory is there.
struct FirstBoot {
  const char* taken;  // the pattern that was taken out
  const char* directory;
  const char* unit;
  const char* wanted_by;
  const char* text;
};
constexpr FirstBoot kFirstBoot[] = {
    {"etc/ssh/ssh_host_*", "usr/lib/systemd/system", "granary-ssh-host-keys.service", "ssh.service",
     "[Unit]\nDescription=Make this machine's SSH host keys\nDocumentation=man:ssh-keygen(1)\n"
     "Before=ssh.service ssh.socket\nConditionPathExists=!/etc/ssh/ssh_host_ed25519_key\n\n"
     "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/ssh-keygen -A\n"},
    {"etc/ssl/private/ssl-cert-snakeoil.key", "usr/lib/systemd/system", "granary-snakeoil-key.service",
     "sysinit.target",
     "[Unit]\nDescription=Make this machine's self-signed certificate\nDefaultDependencies=no\n"
     "After=local-fs.target systemd-random-seed.service\nBefore=sysinit.target\n"
     "ConditionPathExists=!/etc/ssl/private/ssl-cert-snakeoil.key\n\n"
     "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
     "ExecStart=/usr/sbin/make-ssl-cert generate-default-snakeoil --force-overwrite\n"},
};

// A deleted name in the upper layer of an overlay.
bool is_whiteout(const struct stat& attributes) { return S_ISCHR(attributes.st_mode) && attributes.st_rdev == 0; }

// Where mandb writes its index, or does not, as the order of packages has it: the directory's time tells nothing.
constexpr std::string_view kManIndex = "var/cache/man";

class Finish {
 public:
  Finish(TreeRoot tree, UnixSeconds latest) : tree_(std::move(tree)), latest_(latest) {
    for (const KnownDifference& difference : known_differences()) {
      const std::string_view pattern = difference.pattern;
      const size_t wild = pattern.find_first_of("*?[");
      by_beginning_.push_back({pattern.substr(0, wild), &difference});
    }
  }

  Status run() {
    const UniqueFd top(::fcntl(tree_.descriptor(), F_DUPFD_CLOEXEC, 0));
    TRY(cure_directory(top.get(), ""));
    for (const FirstBoot& one : kFirstBoot)
      if (taken_.contains(one.taken)) TRY(prepare(one));
    return clamp_directory(top.get(), "");
  }

 private:
  struct Name {
    std::string name;
    struct stat attributes;
  };

  Result<std::vector<Name>> names_in(int directory, const std::string& path) const {
    const int handle = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0) return system_error(errno, "cannot read /" + printable(path));
    const std::unique_ptr<DIR, int (*)(DIR*)> list(::fdopendir(handle), ::closedir);
    std::vector<Name> names;
    while (const dirent* item = ::readdir(list.get())) {
      const std::string_view name = item->d_name;
      if (name == "." || name == "..") continue;
      Name found{std::string(name), {}};
      if (::fstatat(directory, item->d_name, &found.attributes, AT_SYMLINK_NOFOLLOW) != 0)
        return system_error(errno, "cannot read /" + printable(path) + "/" + found.name);
      names.push_back(std::move(found));
    }
    return names;
  }

  const KnownDifference* cure_of(const std::string& path, const std::string& name) const {
    for (const auto& [beginning, difference] : by_beginning_) {
      const std::string_view pattern = difference->pattern;
      if (pattern.starts_with("**/")) {
        if (::fnmatch(difference->pattern + 3, name.c_str(), 0) == 0) return difference;
      } else if (path.starts_with(beginning) && ::fnmatch(difference->pattern, path.c_str(), FNM_PATHNAME) == 0) {
        return difference;
      }
    }
    return nullptr;
  }

  // Never follows a link: every step is one name in an open directory.
  template <class Visit>
  Status descend(int directory, const Name& item, const std::string& path, const Visit& visit) const {
    const UniqueFd below(::openat(directory, item.name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below.valid()) return system_error(errno, "cannot enter /" + printable(path));
    return visit(below.get(), path);
  }

  Status cure_directory(int directory, const std::string& above) {
    for (const Name& item : TRY(names_in(directory, above))) {
      if (is_whiteout(item.attributes)) continue;
      const std::string path = above.empty() ? item.name : above + "/" + item.name;
      if (const KnownDifference* difference = cure_of(path, item.name)) {
        TRY_WITHIN("cannot finish /" + printable(path), cure(directory, item, *difference));
        taken_.insert(difference->pattern);
      } else if (S_ISDIR(item.attributes.st_mode)) {
        TRY(descend(directory, item, path,
                    [&](int below, const std::string& there) { return cure_directory(below, there); }));
      }
    }
    return Done{};
  }

  static Status cure(int directory, const Name& item, const KnownDifference& difference) {
    const char* const name = item.name.c_str();
    if (difference.cure == KnownDifference::Cure::kRemove) {
      if (!S_ISDIR(item.attributes.st_mode)) return check(::unlinkat(directory, name, 0));
      return remove_tree(str("/proc/self/fd/", directory, "/", item.name));
    }
    if (!S_ISREG(item.attributes.st_mode) || item.attributes.st_size == 0) return Done{};
    const UniqueFd file(::openat(directory, name, O_WRONLY | O_NOFOLLOW | O_TRUNC | O_CLOEXEC));
    return check(file.valid() ? 0 : -1);
  }

  Status prepare(const FirstBoot& one) {
    const auto there = TRY(tree_.look(one.directory));
    if (!there || !S_ISDIR(there->st_mode)) return Done{};
    const std::string directory = str(one.directory, "/");
    TRY(tree_.write(directory + one.unit, one.text));
    const std::string wants = str(directory, one.wanted_by, ".wants");
    const auto at = TRY(tree_.make_way(str(wants, "/", one.unit)));
    if (::symlinkat(str("../", one.unit).c_str(), at.directory, at.name.c_str()) != 0 && errno != EEXIST)
      return system_error(errno, "cannot enable " + std::string(one.unit));
    return Done{};
  }

  // Last, and directories after what is in them: nothing changes a time any more.
  Status clamp_directory(int directory, const std::string& above) {
    for (const Name& item : TRY(names_in(directory, above))) {
      if (is_whiteout(item.attributes)) continue;
      const std::string path = above.empty() ? item.name : above + "/" + item.name;
      if (S_ISDIR(item.attributes.st_mode))
        TRY(descend(directory, item, path,
                    [&](int below, const std::string& there) { return clamp_directory(below, there); }));
      else
        TRY(clamp(directory, item.name.c_str(), item.attributes, AT_SYMLINK_NOFOLLOW));
    }
    struct stat own {};
    if (::fstatat(directory, "", &own, AT_EMPTY_PATH) != 0)
      return system_error(errno, "cannot read /" + printable(above));
    if (above == kManIndex) own.st_mtim = {latest_ + 1, 0};
    return clamp(directory, ".", own, 0);
  }

  Status clamp(int directory, const char* name, const struct stat& attributes, int flags) const {
    if (attributes.st_mtim.tv_sec < latest_) return Done{};
    if (attributes.st_mtim.tv_sec == latest_ && attributes.st_mtim.tv_nsec == 0) return Done{};
    const timespec times[2] = {{latest_, 0}, {latest_, 0}};
    if (::utimensat(directory, name, times, flags) == 0) return Done{};
    return system_error(errno, "cannot set the time of " + printable(name));
  }

  static Status check(int status) { return status == 0 ? Status(Done{}) : Status(system_error(errno, "refused")); }

  TreeRoot tree_;
  const UnixSeconds latest_;
  std::vector<std::pair<std::string_view, const KnownDifference*>> by_beginning_;
  std::set<std::string_view> taken_;
};
}  // namespace

Status finish_tree(const std::string& root, UnixSeconds source_date_epoch) {
  // Real directories only: a link in the upper layer of an overlay may lead into the lower one.
  TreeRoot tree = TRY(TreeRoot::open(root, TreeRoot::Links::kRefuse));
  TRY_WITHIN("cannot finish " + printable(root), Finish(std::move(tree), source_date_epoch).run());
  return Done{};
}

}  // namespace granary
