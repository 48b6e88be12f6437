// Laying out a package's files in a tree as dpkg does when it unpacks: directories are shared, and keep what they are
// when they are there already (a link to a directory counts as one); diverted paths go where they are diverted to;
// statoverrides decide owners and modes; configuration files wait as NAME.dpkg-new until dpkg configures the package.
#pragma once

#include "builder/tree/dpkg_database.h"
#include "builder/tree/package_layer.h"
#include "builder/tree/tree_root.h"

namespace granary {

enum class Laying {
  kUpon,  // as above
  // For the first packages of a tree, which are unpacked as from a tar before any script runs: a directory takes the
  // owner and mode of the last package that has it, and configuration files lie in their places already, too.
  kFirst
};

// May be done again after an error.
//   kCorrupt  the layer is damaged: discard it and try again
//   kInvalid  something of another kind is in the way
Status lay_out(const PackageLayer& package, TreeRoot& tree, const DpkgDatabase& database, Laying laying);

}  // namespace granary
