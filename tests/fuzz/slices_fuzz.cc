#include "fs/format/node.h"
#include "fuzz/fuzz.h"

// The first eight bytes are the size that the slices must sum up to.
void granary::try_input(ByteView input) {
  if (input.size() < 8) return;
  uint64_t size_bytes = 0;
  for (int i = 7; i >= 0; --i) size_bytes = size_bytes << 8 | static_cast<uint8_t>(input[i]);
  const Result<std::vector<Slice>> slices = decode_slices(input.substr(8), size_bytes);
  if (!slices) return;
  uint64_t sum = 0;
  for (const Slice& slice : *slices) {
    promise(slice.length_bytes > 0, "no slice is empty");
    promise(!__builtin_add_overflow(sum, slice.length_bytes, &sum), "lengths do not overflow");
  }
  promise(sum == size_bytes, "slices cover the file");
  promise(encode_slices(*slices) == input.substr(8), "there is one encoding of each list");
}
