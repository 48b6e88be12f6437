#include "fs/fuse/kept_memory.h"

#include "fuzz/fuzz.h"

// The beginnings of the two places in turn: a fuzzer would not find the second a megabyte further on.
void granary::try_input(ByteView input) {
  const size_t half = input.size() / 2;
  Bytes memory(2 * KeptMemory::kCopyBytes, '\0');
  memory.replace(0, half, input.substr(0, half));
  memory.replace(KeptMemory::kCopyBytes, input.size() - half, input.substr(half));
  for (const ByteView all : {ByteView(memory), input}) {
    const auto newest = KeptMemory::newest_in(all);
    promise(!newest || newest->number != 0, "a whole copy has a number");
    promise(!newest || newest->bytes.size() <= KeptMemory::kMaxBytes, "a copy lies in its place");
  }
}
