// A message in parts: nothing of it is longer than it was, and bounds hold.
#include "initramfs/context/mime.h"

#include "fuzz/fuzz.h"

namespace granary {

void try_input(ByteView input) {
  std::vector<std::string> problems;
  const auto parts = parts_of(input, problems);
  promise(parts.size() <= 256, "parts are bounded");
  size_t bytes = 0;
  for (const MimePart& part : parts) {
    bytes += part.bytes.size();
    promise(part.type.find('\n') == std::string::npos, "a type is a word");
  }
  promise(bytes <= input.size(), "decoding does not grow");
  for (const std::string& problem : problems) promise(problem.find('\n') == std::string::npos, "a problem is a line");
}

}  // namespace granary
