// DpkgDatabase: what dpkg keeps below /var/lib/dpkg of a tree, written so that the tree's own dpkg finds packages as if
// it had unpacked them itself: `status` (install ok unpacked), the files of info/, and triggers/. And what it says
// about where files go: diversions and statoverrides, which scripts may add to at any time. One thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "builder/tree/package_layer.h"
#include "builder/tree/tree_root.h"

namespace granary {

// A field of a control file's first stanza, with its further lines; empty when it has none of that name.
std::string control_field(ByteView control, std::string_view name);

class DpkgDatabase {
 public:
  struct Override {
    uint32_t uid = 0, gid = 0;
    uint16_t mode = 0;
  };

  // Borrows `tree`. An empty tree gets an empty database.
  static Result<DpkgDatabase> open(TreeRoot& tree);

  // One that knows nothing and writes nothing.
  static DpkgDatabase empty(TreeRoot& tree) { return DpkgDatabase(tree); }

  // Adds a package that is laid out, as unpacked. On the disk only after flush().
  Status add(const PackageLayer& package);
  Status flush();
  // Reads anew what scripts may have changed: call it after each.
  Status refresh();
  // And the statoverrides: before each package's first script, because dpkg takes no notice for a package of those that
  // its own preinst adds.
  Status refresh_overrides();

  // Where a path of `package` really goes: itself, unless another package diverted it.
  const std::string& diverted(const std::string& path, const std::string& package) const;
  std::optional<Override> override_of(const std::string& path) const;
  // The version of an installed or unpacked package; empty when it is not there.
  std::string version_of(const std::string& package) const;

 private:
  struct Diversion {
    std::string to, package;
  };
  struct Interest {
    std::string path, package;
    bool awaits = true;
  };

  explicit DpkgDatabase(TreeRoot& tree) : tree_(&tree) {}
  void keep(std::string stanza);
  Status read_diversions();
  Status read_interests();
  Status write_info(const std::string& name, const PackageLayer& package);
  Status take_triggers(const std::string& package, ByteView directives);
  void activate(const std::string& trigger, const std::string& package, bool awaits);
  void activate_by_files(const std::string& package, const PackageLayer& layer);

  TreeRoot* tree_;
  // By name and architecture: dpkg itself keeps this order, and the order in which it configures follows from it.
  std::map<std::pair<std::string, std::string>, std::string> stanzas_;
  std::map<std::string, Diversion> diversions_;  // by path, relative
  std::map<std::string, Override> overrides_;    // by path, relative
  std::vector<Interest> interests_;              // triggers/File
  bool interests_changed_ = false;
  std::vector<std::string> trigger_order_;
  std::map<std::string, std::set<std::string>> activated_;  // trigger → who awaits it ("-": nobody)
};

}  // namespace granary
