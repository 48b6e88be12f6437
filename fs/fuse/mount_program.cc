#include "fs/fuse/mount_program.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>

#include "fs/base/log.h"
#include "fs/fuse/mount_device.h"
#include "fs/fuse/supervisor.h"

namespace granary {

namespace {
// A descriptor for each thread, and for each object that is being read.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int report(const Error& error) {
  std::fprintf(stderr, "granary-mount: %s\n", error.message.c_str());
  return static_cast<int>(error.code);
}

// Everything before the fork: what the user got wrong is told at once.
Result<MountPlan> prepare(const MountOptions& options) {
  MountPlan plan = TRY(MountPlan::make(options));
  plan.options.mount_point = TRY(prepare_mount_point(plan.options.mount_point));
  return plan;
}

}  // namespace

int run_mount_program(const MountOptions& options, const char* version) {
  log::set_level(options.verbose ? log::Level::kDebug : log::Level::kInfo);
  raise_descriptor_limit();
  auto plan = prepare(options);
  if (!plan) return report(plan.error());
  return supervise(*std::move(plan), options.foreground ? Startup::in_foreground() : Startup::as_daemon(), version);
}

}  // namespace granary
