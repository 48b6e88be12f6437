// A Release file, after its signature was checked.
#include "builder/archive/release.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) {
  const auto release = Release::parse(input);
  if (!release) return;
  for (const auto& [path, file] : release->files) {
    promise(!path.empty() && path.front() != '/', "paths are relative");
    promise(path.find("..") == std::string::npos, "and stay below the suite");
  }
  static_cast<void>(release->check_suite("bookworm"));
  static_cast<void>(release->check_fresh(0));
}
