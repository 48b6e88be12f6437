#include "fs/fuse/confinement.h"

#include <unistd.h>

#include <cerrno>

#include "fs/base/file.h"
#include "fs/fuse/log_target.h"
#include "fs/fuse/privileges.h"
#include "fs/fuse/sandbox.h"
#include "fs/store/cache_folder.h"

namespace granary {

namespace {
constexpr std::string_view kFileUrl = "file://";

// The directory of a file:// URL; nothing for others.
std::optional<std::string> local_directory(const std::string& url) {
  if (!url.starts_with(kFileUrl)) return std::nullopt;
  std::string out;
  for (size_t i = kFileUrl.size(); i < url.size(); ++i) {
    const bool is_escaped = url[i] == '%' && i + 2 < url.size();
    out += is_escaped ? static_cast<char>(std::stoi(url.substr(i + 1, 2), nullptr, 16)) : url[i];
    if (is_escaped) i += 2;
  }
  return out;
}

// A file:// repository is read with the worker's rights.
Status check_readable(const MountPlan& plan, const WorkerUser& user) {
  const auto directory = local_directory(plan.url);
  if (!directory || ::access(directory->c_str(), R_OK | X_OK) == 0 || errno != EACCES) return Done{};
  return Error{Code::kPermission, str("cannot read ", printable(*directory), " as user ", user.name,
                                      ": let that user read it, or mount with --user root")};
}

SandboxRules rules_for(const MountPlan& plan) {
  SandboxRules rules;
  rules.readable = system_files();
  rules.readable.push_back(plan.options.ca_file);
  for (const SourceWay& way : plan.ways) {
    const auto directory = local_directory(way.url);
    if (!directory) continue;
    const auto files = repository_files(*directory);
    rules.readable.insert(rules.readable.end(), files.begin(), files.end());
  }
  for (const std::string& lower : plan.options.lower_caches) rules.readable.push_back(lower);
  rules.writable = {plan.cache_directory(), plan.state_directory(), "/dev/null"};
  if (LogTarget::is_file(plan.options.log)) rules.writable.push_back(parent_of(plan.options.log));
  return rules;
}
}  // namespace

Result<Confinement> confine(const MountPlan& plan) {
  const WorkerUser user = TRY(worker_user(plan.options.user));
  TRY_WITHIN("cannot use the cache", check_cache_directory(plan.cache_directory()));
  for (const std::string* directory : {&plan.cache_directory(), &plan.state_directory()}) {
    if (*directory != kNoCache) TRY(give_directory(*directory, user));
  }
  const SandboxRules rules = rules_for(plan);
  TRY(become(user));
  Confinement out{user.name, {}};
  out.sandbox = TRY(enter_sandbox(rules));
  if (::geteuid() != 0) TRY(check_readable(plan, user));
  return out;
}

}  // namespace granary
