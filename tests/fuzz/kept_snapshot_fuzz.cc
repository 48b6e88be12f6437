#include "fs/client/kept_snapshot.h"

#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) {
  const auto snapshot = parse_kept_snapshot(input);
  if (!snapshot) return;
  promise(bool(parse_kept_snapshot(kept_snapshot(*snapshot))), "what was written can be read");
}
