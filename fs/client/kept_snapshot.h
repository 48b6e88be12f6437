// What a mount shows, as one worker leaves it to the next (fs/fuse/kept_memory.h): with it, no head need be fetched,
// and no trust file asked, for what was decided already. Parsed like foreign bytes.
#pragma once

#include "fs/client/repository_view.h"

namespace granary {

std::string kept_snapshot(const ResolvedSnapshot& resolved);
//   kInvalid  not what `kept_snapshot` wrote
Result<ResolvedSnapshot> parse_kept_snapshot(ByteView bytes);

}  // namespace granary
