// apt's configuration files, in both forms, and keyrings.
#include "builder/archive/apt_sources.h"
#include "builder/archive/keyring.h"
#include "fuzz/fuzz.h"

namespace granary {

namespace {
void check(const Result<std::vector<AptSource>>& sources) {
  if (!sources) return promise(sources.error().message.find("apt's f.") == 0, "an error names the file");
  for (const AptSource& source : *sources) {
    promise(!source.urls.empty() && !source.suites.empty(), "a source has a place and a suite");
    for (const std::string& url : source.urls)
      promise(url.starts_with("http://") || url.starts_with("https://") || url.starts_with("file://"),
              "a known scheme");
  }
}
}  // namespace

void try_input(ByteView input) {
  check(parse_source_list(input, "f"));
  check(parse_deb822_sources(input, "f"));
  static_cast<void>(binary_keyring(input));
}

}  // namespace granary
