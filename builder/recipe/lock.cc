#include "builder/recipe/lock.h"

namespace granary {

Digest Lock::digest() const { return Digest::of(serialise()); }

}  // namespace granary
