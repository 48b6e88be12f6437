// The two ways of running a fuzz target: libFuzzer's (preset fuzz), and as a test that replays a corpus:
//   NAME_fuzz FILE-OR-DIRECTORY...
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "fuzz/fuzz.h"

#ifdef GRANARY_LIBFUZZER

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  granary::try_input({reinterpret_cast<const char*>(data), size});
  return 0;
}

#else

namespace {
void replay(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string input{std::istreambuf_iterator<char>(in), {}};
  granary::promise(!in.bad(), path.c_str());
  granary::try_input(input);
}
}  // namespace

int main(int argc, char** argv) {
  size_t replayed = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::filesystem::is_regular_file(argv[i])) replay(argv[i]), ++replayed;
    if (!std::filesystem::is_directory(argv[i])) continue;
    for (const auto& file : std::filesystem::directory_iterator(argv[i])) replay(file.path()), ++replayed;
  }
  std::cout << replayed << " inputs replayed\n";
  return replayed == 0;
}

#endif
