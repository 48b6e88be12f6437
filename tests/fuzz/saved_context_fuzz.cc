// A context in the scratch state: what was understood is written and read as the same.
#include "fuzz/fuzz.h"
#include "initramfs/context/context.h"

namespace granary {

void try_input(ByteView input) {
  const auto first = parse_context(input);
  if (!first) return;
  for (const Saying& saying : first->sayings) promise(saying.by == SaidBy::kContext, "it speaks for a context alone");
  const Bytes written = serialise(*first);
  const auto second = parse_context(written);
  promise(second && serialise(*second) == written, "what was written reads back as the same");
}

}  // namespace granary
