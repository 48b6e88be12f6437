// The first sectors of a disk that anybody may have attached.
#include "fuzz/fuzz.h"
#include "initramfs/context/volumes.h"

namespace granary {

void try_input(ByteView input) {
  const auto kind = identify_volume(input);
  if (kind) promise(!kind->type.empty() && kind->label.size() <= 4 * 32, "a kind has a type and a label");
}

}  // namespace granary
