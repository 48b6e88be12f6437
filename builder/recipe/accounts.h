// System accounts with fixed numbers: those that maintainer scripts of Debian's packages make. Scripts give out the
// next free number, so that a number depends on what was installed before; made ahead of them, it is the same in every
// tree, and files that belong to such accounts are the same in all images and stored once.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "builder/recipe/lock.h"

namespace granary {

// The accounts that these packages make, as far as they are known here, groups before users, each by number. An account
// that is not known gets the next free number from its script: still the same in every cook of one lock.
// Numbers lie in 200-399, apart from where adduser (100 and up) and systemd-sysusers (999 and down) look first; one
// that was given once is never given to another.
std::vector<LockedAccount> accounts_for(std::span<const std::string> packages);

}  // namespace granary
