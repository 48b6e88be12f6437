// From a closure to the packages of a lock: in layers, each in the order in which it is installed.
#pragma once

#include "builder/closure/closure.h"
#include "builder/recipe/lock.h"

namespace granary {

// What an index says about where a package lies.
//   kCorrupt  its stanza lacks it: the message names the package
Result<LockedPackage> locked_package(const PackageVersion& package);

// Sets lock.layers and lock.packages. The core layer has the Essential packages and what they need; then each recipe of
// the chain has what its wishes reach and no layer before it has. A layer that would be empty is left out.
Status lock_packages(const Closure& closure, const std::vector<Wish>& wishes, const Universe& universe, Lock& lock);

}  // namespace granary
