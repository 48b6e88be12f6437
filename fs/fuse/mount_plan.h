// MountPlan: what a mount is to be, once everything that the user may have got wrong in saying so has been looked at.
// Means the same in every process and directory: all paths are absolute, the trust file has been read. A value type.
#pragma once

#include "fs/client/connection.h"
#include "fs/client/repository_view.h"
#include "fs/format/trust_file.h"
#include "fs/fuse/mount_options.h"

namespace granary {

struct MountPlan {
  MountOptions options;  // paths absolute; cache and state directories as they are used, defaults filled in
  TrustFile trust;
  std::string url;              // of the repository, as repository_url gives it
  std::vector<SourceWay> ways;  // to it and its mirrors

  // Everything but the mount point. Errors are told to the user as they are.
  static Result<MountPlan> make(const MountOptions& options);
  // The same mount with these values of one option instead of those that it has. kInvalid, kBadUrl: what is wrong.
  Result<MountPlan> changed(std::string_view option, const std::vector<std::string>& values,
                            const std::string& origin) const;
  // From one process to the next, which may be of another version: options that it does not know are left out.
  Bytes serialise() const;
  //   kInvalid  not what `serialise` wrote
  static Result<MountPlan> parse(ByteView bytes);

  const std::string& cache_directory() const { return options.cache_directory; }
  const std::string& state_directory() const { return options.state_directory; }
  const std::string& mount_point() const { return options.mount_point; }
};

// What a plan says to those who do it.
ConnectionOptions connection_options(const MountPlan& plan);
ViewOptions view_options(const MountPlan& plan);

}  // namespace granary
