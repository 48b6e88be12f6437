#include "fs/fuse/mount_plan.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "fs/base/file.h"
#include "fs/client/connection.h"
#include "fs/client/repository_view.h"

namespace granary {

namespace {
// An absolute path stays right when the daemon leaves the directory.
Result<std::string> absolute(const std::string& path) {
  if (path.empty() || path.front() == '/') return path;
  char* const here = ::get_current_dir_name();
  if (here == nullptr) return system_error(errno, "cannot tell where we are");
  const std::string out = str(here, "/", path);
  std::free(here);
  return out;
}
}  // namespace

Result<MountPlan> MountPlan::make(MountOptions options) {
  for (std::string* path : {&options.cache_directory, &options.state_directory, &options.ca_file})
    *path = TRY(absolute(*path));
  if (options.log != "stderr" && options.log != "syslog") options.log = TRY(absolute(options.log));
  TrustFile trust = TRY(TrustFile::load(options.trust_file));
  std::string url = TRY(repository_url(options.source));
  if (options.cache_directory.empty()) options.cache_directory = default_cache_directory() + "/" + trust.repository;
  if (options.state_directory.empty()) options.state_directory = default_state_directory();
  std::vector<std::string> urls{url};
  for (const std::string& mirror : options.mirrors) urls.push_back(TRY(repository_url(mirror)));
  std::vector<SourceWay> ways = TRY(ways_to(urls, options.proxies));
  return MountPlan{std::move(options), std::move(trust), std::move(url), std::move(ways)};
}

}  // namespace granary
