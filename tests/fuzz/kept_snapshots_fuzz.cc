#include "fs/client/kept_snapshots.h"

#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) {
  const auto kept = KeptSnapshots::parse(input);
  if (!kept) return;
  promise(kept->former.size() <= KeptSnapshots::kMaxFormer, "not more former snapshots than there may be");
  const Bytes written = kept->serialise();
  const auto again = KeptSnapshots::parse(written);
  promise(again.has_value(), "what was written can be read");
  promise(again->serialise() == written, "and means the same");
}
