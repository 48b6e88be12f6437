// How it is done. Packages are unpacked in the locked order and configured in the same, in batches: a package that
// pre-depends on one that is not configured yet begins a new batch, so that dpkg always finds what it demands. The very
// first packages of a tree depend on each other in circles and on programs that are not there: they are all laid out
// before any of their scripts runs, as debootstrap and mmdebstrap do.
//
// Fast and reference mode differ in who unpacks: we, from package layers (see lay_out.h, dpkg_database.h), or the
// tree's own dpkg. All else, accounts and configuring above all, is the same code.
#include "builder/tree/install.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "builder/tree/dpkg_database.h"
#include "builder/tree/enclosure.h"
#include "builder/tree/lay_out.h"
#include "builder/tree/package_layer.h"
#include "builder/tree/script_log.h"
#include "builder/tree/seed_accounts.h"
#include "builder/tree/tree_root.h"
#include "fs/base/file.h"
#include "fs/base/program.h"
#include "server/parallel.h"

namespace granary {

namespace {
constexpr size_t kMaxNames = 2000;  // of packages in one call of dpkg
constexpr const char* kIncoming = "var/lib/dpkg/tmp.ci/";
// Where scripts of others need these to work, in the first batch of a tree.
constexpr const char* kFirst[] = {"base-passwd", "base-files", "libc6", "dpkg", "perl-base", "mawk", "debconf"};

struct Package {
  std::string name, version, architecture, deb;
  Digest digest;
  const PackageLayer* layer = nullptr;
  std::set<std::string> wants_configured;  // names in Pre-Depends
  std::set<std::string> provides;
};

// The names in a relation field, whatever versions they ask for.
std::set<std::string> names_in(const std::string& field) {
  std::set<std::string> names;
  bool inside = false;
  std::string name;
  for (const char c : field + ",") {
    const bool part = (std::isalnum(static_cast<unsigned char>(c)) != 0) || c == '-' || c == '+' || c == '.';
    if (c == '(' || c == '[' || c == ':' || c == '<') inside = true;
    if (part && !inside) name += c;
    if (c == ',' || c == '|') {
      if (!name.empty()) names.insert(std::exchange(name, {}));
      inside = false;
    }
  }
  return names;
}

std::string above(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::vector<std::string> joined(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

class Installation {
 public:
  Installation(const Lock& lock, const InstallOptions& options, std::vector<Package> packages, TreeRoot tree,
               ScriptLog log)
      : lock_(lock), options_(options), packages_(std::move(packages)), tree_(std::move(tree)), log_(std::move(log)) {}

  Status run() {
    is_first_ = !tree_.has("var/lib/dpkg/status");
    for (size_t begin = 0; begin < packages_.size();) {
      const size_t end = is_first_ ? packages_.size() : batch_end(begin);
      const std::span<const Package> batch = std::span(packages_).subspan(begin, end - begin);
      TRY(options_.mode == InstallMode::kFast ? unpack_fast(batch) : unpack_by_dpkg(batch));
      TRY(configure(batch, end == packages_.size()));
      begin = end;
    }
    return Done{};
  }

 private:
  // ---- Batches

  size_t batch_end(size_t begin) const {
    std::set<std::string> unconfigured;
    for (size_t i = begin; i < packages_.size(); ++i) {
      const Package& package = packages_[i];
      const bool must_wait = std::any_of(package.wants_configured.begin(), package.wants_configured.end(),
                                         [&](const std::string& name) { return unconfigured.contains(name); });
      if (must_wait) return i;
      unconfigured.insert(package.name);
      unconfigured.insert(package.provides.begin(), package.provides.end());
    }
    return packages_.size();
  }

  // ---- Unpacking by ourselves

  Status unpack_fast(std::span<const Package> batch) {
    if (is_first_) {
      TRY(merge_usr(batch));
      for (const Package& package : batch) TRY(lay(package, Laying::kFirst));
      TRY(date_directories(batch));
      TRY(seed(batch));
    } else {
      TRY(seed(batch));
    }
    DpkgDatabase database = TRY(DpkgDatabase::open(tree_));
    std::optional<Enclosure> enclosure;
    for (const Package& package : batch) {
      tell("unpacking", package.name, unpacked_++);
      TRY(database.refresh_overrides());
      if (package.layer->control().contains("preinst")) TRY(run_preinst(package, database, enclosure));
      if (!is_first_) TRY(lay(package, Laying::kUpon, database));
      TRY(database.add(*package.layer));
    }
    return database.flush();
  }

  // Debian 12 has the links of a merged /usr from nobody, later releases from base-files: there before all else.
  Status merge_usr(std::span<const Package> batch) {
    const int64_t now = lock_.source_date_epoch;
    std::map<std::string, int64_t> links = {{"bin", now}, {"sbin", now}, {"lib", now}};  // and their times
    if (lock_.architecture == "amd64") links.insert({{"lib32", now}, {"lib64", now}, {"libx32", now}});
    for (const Package& package : batch) {
      if (package.name != "base-files") continue;
      std::map<std::string, int64_t> shipped;
      for (const LayerEntry& entry : package.layer->entries())
        if (entry.type == DebEntry::Type::kSymlink && entry.target == "usr/" + entry.path)
          shipped[entry.path] = entry.mtime;
      if (!shipped.empty()) links = shipped;
    }
    for (const auto& [link, time] : links) {
      if (tree_.has(link)) continue;
      static_cast<void>(TRY(tree_.make_way("usr/" + link + "/.")));
      const auto at = TRY(tree_.make_way(link));
      const timespec times[2] = {{time, 0}, {time, 0}};
      if (::symlinkat(("usr/" + link).c_str(), at.directory, at.name.c_str()) != 0 ||
          ::utimensat(at.directory, at.name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
        return system_error(errno, "cannot make the link /" + link);
    }
    return Done{};
  }

  // dpkg leaves a link to a directory alone that is there already.
  bool is_directory_in_the_end(const LayerEntry& entry) const {
    return entry.type == DebEntry::Type::kSymlink && tree_.is_directory(entry.path);
  }

  // By way of the links of a merged /usr.
  std::string merged(const std::string& path) {
    const std::string top = path.substr(0, path.find('/'));
    if (!merged_.contains(top)) {
      const auto found = tree_.look(top);
      merged_[top] = found && *found && S_ISLNK((*found)->st_mode);
    }
    return merged_[top] ? "usr/" + path : path;
  }

  // Unpacking a tar gives a directory its package's time in the end. Those that hold files get the time of the cook
  // again when dpkg puts the files in their places: what is left are those that hold directories alone.
  Status date_directories(std::span<const Package> batch) {
    std::map<std::string, int64_t> times;
    std::set<std::string> holding_files;
    for (const Package& package : batch) {
      for (const LayerEntry& entry : package.layer->entries()) {
        if (entry.type == DebEntry::Type::kDirectory)
          times[merged(entry.path)] = entry.mtime;
        else if (!is_directory_in_the_end(entry))
          holding_files.insert(above(merged(entry.path)));
      }
    }
    for (const auto& [path, time] : times) {
      if (path.empty() || holding_files.contains(path)) continue;
      const auto found = TRY(tree_.look(path));
      if (!found || !S_ISDIR(found->st_mode)) continue;
      const auto at = TRY(tree_.place(path));
      const timespec both[2] = {{time, 0}, {time, 0}};
      if (::utimensat(at.directory, at.name.c_str(), both, AT_SYMLINK_NOFOLLOW) != 0)
        return system_error(errno, "cannot set the time of /" + printable(path));
    }
    return Done{};
  }

  Status lay(const Package& package, Laying laying) { return lay(package, laying, DpkgDatabase::empty(tree_)); }

  // A damaged layer is made anew, once.
  Status lay(const Package& package, Laying laying, const DpkgDatabase& database) {
    const Status laid = lay_out(*package.layer, tree_, database, laying);
    if (laid || laid.error().code != Code::kCorrupt) return laid;
    TRY(PackageLayer::discard(options_.layers, package.digest));
    TRY(PackageLayer::make(options_.layers, package.digest, package.deb));
    return lay_out(*package.layer, tree_, database, laying);
  }

  Status seed(std::span<const Package> batch) {
    std::set<std::string> names;
    for (const Package& package : batch) names.insert(package.name);
    return seed_accounts(tree_, lock_.accounts, names, lock_.source_date_epoch);
  }

  // As dpkg runs it: the control files lie in tmp.ci, where debconf looks for them.
  Status run_preinst(const Package& package, DpkgDatabase& database, std::optional<Enclosure>& enclosure) {
    TRY(database.flush());
    for (const auto& [name, file] : package.layer->control())
      TRY(tree_.write(kIncoming + name, file.content, file.mode));
    if (!enclosure) enclosure.emplace(TRY(Enclosure::begin(enclosure_options())));
    EnclosedCommand command;
    command.words = {str("/", kIncoming, "preinst"), "install"};
    command.environment = {"DPKG_ADMINDIR=/var/lib/dpkg",
                           "DPKG_ROOT=",
                           "DPKG_MAINTSCRIPT_ARCH=" + package.architecture,
                           "DPKG_MAINTSCRIPT_DEBUG=0",
                           "DPKG_MAINTSCRIPT_NAME=preinst",
                           "DPKG_MAINTSCRIPT_PACKAGE=" + package.name,
                           "DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1",
                           "DPKG_RUNNING_VERSION=" + database.version_of("dpkg")};
    command.output = log_.descriptor();
    log_.begin("preinst of " + package.name);
    const int status = TRY(enclosure->run(command));
    if (status != 0) return log_.failure(package.name, "preinst", status);
    tree_.forget();
    TRY(tree_.remove_all("var/lib/dpkg/tmp.ci"));
    return database.refresh();
  }

  // ---- Unpacking by the tree's dpkg

  Status unpack_by_dpkg(std::span<const Package> batch) {
    if (is_first_) {
      TRY(merge_usr(batch));
      for (const Package& package : batch) TRY(extract(package));
    }
    TRY(seed(batch));
    if (is_first_) static_cast<void>(TRY(DpkgDatabase::open(tree_)));
    const auto shelf = TRY(TemporaryDirectory::make());
    std::vector<std::string> paths;
    for (const Package& package : batch) {
      const std::string name = str(paths.size(), ".deb");
      std::error_code failure;
      std::filesystem::copy_file(package.deb, shelf.path() + "/" + name, failure);
      if (failure) return system_error(failure.value(), "cannot copy " + printable(package.deb));
      paths.push_back("/run/granary/" + name);
    }
    EnclosureOptions enclosed = enclosure_options();
    enclosed.packages = shelf.path();
    enclosed.covers_programs = false;
    Enclosure enclosure = TRY(Enclosure::begin(enclosed));
    return run_dpkg(enclosure, joined({"--unpack"}, paths), true);
  }

  // Not `dpkg-deb --extract`, which puts a directory in the place of a merged /usr's link.
  Status extract(const Package& package) const {
    Program archive;
    archive.words = {"dpkg-deb", "--fsys-tarfile", package.deb};
    archive.output = archive.errors = Program::Stream::kCapture;
    archive.output_limit_bytes = size_t{8} << 30;
    Program tar;
    tar.words = {"tar", "-xpf", "-", "--numeric-owner", "--keep-directory-symlink", "-C", options_.root};
    tar.errors = Program::Stream::kCapture;
    tar.input = TRY(run_program_well(archive)).output;
    static_cast<void>(TRY(run_program_well(tar)));
    return Done{};
  }

  // ---- Configuring

  Status configure(std::span<const Package> batch, bool is_last) {
    Enclosure enclosure = TRY(Enclosure::begin(enclosure_options()));
    tree_.forget();
    TRY(preseed(batch, enclosure));
    TRY(hold_host_keys(batch));
    tell("configuring", "", unpacked_);
    std::vector<std::string> names;
    if (is_first_) {
      for (const char* const name : kFirst)
        if (std::any_of(batch.begin(), batch.end(), [&](const Package& one) { return one.name == name; }))
          names.emplace_back(name);
      TRY(run_dpkg(enclosure, joined({"--no-triggers", "--configure"}, names), true));
    }
    std::vector<std::string> rest;
    for (const Package& package : batch)
      if (std::find(names.begin(), names.end(), package.name) == names.end()) rest.push_back(package.name);
    for (size_t begin = 0; begin < rest.size(); begin += kMaxNames) {
      const auto from = rest.begin() + static_cast<ptrdiff_t>(begin);
      const auto to = rest.begin() + static_cast<ptrdiff_t>(std::min(begin + kMaxNames, rest.size()));
      TRY(run_dpkg(enclosure, joined({"--no-triggers", "--configure"}, {from, to}), is_first_ || !is_last));
    }
    return is_last ? run_dpkg(enclosure, {"--configure", "--pending"}, false) : Status(Done{});
  }

  // Host keys that finish_tree would take out again are not made in the first place, which would take seconds: where
  // there is a file, openssh-server's script makes none.
  Status hold_host_keys(std::span<const Package> batch) {
    if (std::none_of(batch.begin(), batch.end(), [](const Package& one) { return one.name == "openssh-server"; }))
      return Done{};
    for (const char* const kind : {"rsa", "ecdsa", "ed25519"}) {
      const std::string path = str("etc/ssh/ssh_host_", kind, "_key");
      if (!tree_.has(path)) TRY(tree_.write(path, "", 0600));
    }
    return Done{};
  }

  // Answers to debconf's questions, of the packages that come now.
  Status preseed(std::span<const Package> batch, Enclosure& enclosure) {
    EnclosedCommand command;
    for (const auto& [question, answer] : lock_.recipe.debconf) {
      const std::string package = question.substr(0, question.find(' '));
      if (std::any_of(batch.begin(), batch.end(), [&](const Package& one) { return one.name == package; }))
        command.input += question + " " + answer + "\n";
    }
    if (command.input.empty()) return Done{};
    command.words = {"debconf-set-selections"};
    command.output = log_.descriptor();
    log_.begin("debconf-set-selections");
    const int status = TRY(enclosure.run(command));
    if (status == 0) return Done{};
    return Error{Code::kInvalid, "debconf took none of the recipe's answers:\n" + log_.end_of_last()};
  }

  Status run_dpkg(Enclosure& enclosure, const std::vector<std::string>& words, bool force_depends) {
    EnclosedCommand command;
    // What a configuration file is to become was decided by the recipe: nobody is there to be asked.
    command.words = {"dpkg", "--force-unsafe-io", "--force-confdef", "--force-confold"};
    if (force_depends) command.words.emplace_back("--force-depends");
    command.words = joined(command.words, words);
    command.output = log_.descriptor();
    log_.begin("dpkg " + words[0]);
    const int status = TRY(enclosure.run(command));
    return status == 0 ? Status(Done{}) : log_.dpkg_failure(status);
  }

  // ----

  EnclosureOptions enclosure_options() const {
    EnclosureOptions enclosed;
    enclosed.root = options_.root;
    enclosed.source_date_epoch = lock_.source_date_epoch;
    return enclosed;
  }

  void tell(const char* step, const std::string& package, uint64_t done) const {
    options_.on_progress({step, package, done, packages_.size()});
  }

  const Lock& lock_;
  const InstallOptions& options_;
  const std::vector<Package> packages_;
  TreeRoot tree_;
  ScriptLog log_;
  bool is_first_ = false;
  std::map<std::string, bool> merged_;  // top directories that are links into /usr
  uint64_t unpacked_ = 0;
};
}  // namespace

Status install_packages(const Lock& lock, std::span<const uint32_t> numbers, std::span<const std::string> debs,
                        const InstallOptions& options) {
  if (::geteuid() != 0)
    return Error{Code::kPermission, "installing packages needs root: their scripts make users and change owners"};
  std::vector<Digest> digests;
  for (const uint32_t number : numbers) digests.push_back(lock.packages[number].digest);
  options.on_progress({"preparing", "", 0, numbers.size()});
  const auto layers = TRY(package_layers(options.layers, digests, debs, cores_or(0)));

  std::vector<Package> packages;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const LockedPackage& locked = lock.packages[numbers[i]];
    const ByteView control = layers[i].control_file("control");
    packages.push_back({locked.name, locked.version, control_field(control, "Architecture"), debs[i], locked.digest,
                        &layers[i], names_in(control_field(control, "Pre-Depends")),
                        names_in(control_field(control, "Provides"))});
  }
  ScriptLog log = TRY(ScriptLog::open(options.log));
  TreeRoot tree = TRY(TreeRoot::open(options.root, TreeRoot::Links::kFollow));
  return Installation(lock, options, std::move(packages), std::move(tree), std::move(log)).run();
}

}  // namespace granary
