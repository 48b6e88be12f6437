// OverlaySource: the upper directory of an overlayfs mount as the source of a publish: what was changed over the base,
// and nothing else. Whiteouts remove, opaque directories replace, and a hard link that was copied up as a whole
// (overlay mounted with index=on) takes all its names along; with index=off a changed name parts from the others, as
// the mount showed it. What only makes sense together with the lower layer (redirected directories, metadata without
// data) is refused by name. The upper directory's own metadata are the root's: who makes one copies them from the base.
// The overlay must not be mounted writable any more. One thread.
#pragma once

#include <memory>

#include "server/directory_source.h"

namespace granary {

class OverlaySource : public TreeSource {
 public:
  // As DirectorySource::open. `repository` must not lie in the upper directory.
  static Result<std::unique_ptr<OverlaySource>> open(const std::string& upper, const std::string& repository);

  Result<SourceTree> read(Intake& intake) override;

 private:
  explicit OverlaySource(std::unique_ptr<DirectorySource> upper) : upper_(std::move(upper)) {}

  std::unique_ptr<DirectorySource> upper_;
};

}  // namespace granary
