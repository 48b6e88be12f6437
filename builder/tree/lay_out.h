// Laying out a package's files in a tree as dpkg does when it unpacks: directories are shared, and keep what they are
// when they are there already (a link to a directory counts as one); diverted paths go where they are diverted to;
// statoverrides decide owners and modes; configuration files wait as NAME.dpkg-new until dpkg configures the package.
#pragma once

#include "builder/tree/dpkg_database.h"
#include "builder/tree/package_layer.h"
#include "builder/tree/tree_root.h"

namespace granary {

enum class Directories {
  kKeep,   // one that is there stays as it is
  kAssume  // it takes the owner and mode of the package's: for the first packages of a tree, as unpacking a tar does
};

// May be done again after an error.
//   kCorrupt  the layer is damaged: discard it and try again
//   kInvalid  something of another kind is in the way
Status lay_out(const PackageLayer& package, TreeRoot& tree, const DpkgDatabase& database, Directories directories);

}  // namespace granary
