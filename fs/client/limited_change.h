// Whether a change stayed within the paths that its signers may change. The digests in a catalog's rows are the word of
// whoever made it, and nobody vouches for slices but the signature: so a catalog signed by keys limited to paths is
// checked as a whole, once, before it is used.
#pragma once

#include "fs/format/catalog.h"
#include "fs/format/trust.h"

namespace granary {

// Reads both catalogs whole. Contents are read only where a file outside the allowed paths has the same digest and
// other slices (it was packed anew).
//   kUntrusted  something outside has changed, or the new catalog's rows contradict each other
//   otherwise   what the reader said about an object
Status check_limited_change(const PathConstraint& constraint, ObjectReader& objects);

}  // namespace granary
