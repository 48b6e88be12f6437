// A Debian package: its control files and entries, or an error; no name leaves the tree.
#include <sys/mman.h>

#include "builder/debian/deb_file.h"
#include "fs/base/file.h"
#include "fuzz/fuzz.h"

namespace granary {
namespace {
class Checker : public DebReceiver {
 public:
  Status entry(const DebEntry& entry) override {
    promise(left_ == 0, "every file came whole");
    promise(!entry.path.starts_with("/") && ("/" + entry.path + "/").find("/../") == std::string::npos,
            "names stay inside");
    promise(entry.type != DebEntry::Type::kHardLink || ("/" + entry.target + "/").find("/../") == std::string::npos,
            "links stay inside");
    left_ = entry.size_bytes;
    if (left_ > 1 << 24) return Error{Code::kEndlessData, "too long to wait for"};
    return Done{};
  }
  Status content(ByteView bytes) override {
    promise(bytes.size() <= left_, "no more than its size");
    left_ -= bytes.size();
    return Done{};
  }

 private:
  uint64_t left_ = 0;
};
}  // namespace

void try_input(ByteView input) {
  UniqueFd file(::memfd_create("deb", MFD_CLOEXEC));
  promise(file.valid() && write_all_at(file.get(), 0, input), "there is memory");
  const auto deb = DebFile::read(std::move(file), "fuzzed");
  if (!deb) return;
  if (const auto control = deb->control()) promise(control->contains("control"), "there is a control file");
  Checker checker;
  static_cast<void>(deb->data(checker));
}
}  // namespace granary
