// Makes the system accounts of a lock in a tree, before the scripts that would make them with whatever number is free.
#pragma once

#include <set>
#include <span>
#include <string>

#include "builder/recipe/lock.h"
#include "builder/tree/tree_root.h"

namespace granary {

// Those of `accounts` that belong to one of `packages` and are not there yet. A number that is taken already is left to
// the script. An empty tree gets Debian's first accounts as base-passwd's own files say.
Status seed_accounts(TreeRoot& tree, std::span<const LockedAccount> accounts, const std::set<std::string>& packages,
                     UnixSeconds source_date_epoch);

}  // namespace granary
