// An index as it is stored: compressed in some way, or not.
#include "builder/archive/index_text.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) {
  constexpr uint64_t kLimit = 1 << 16;
  const auto plain = decompress(input, kLimit);
  promise(!plain || plain->size() <= kLimit, "never more than it may be");
}
