#include "initramfs/overlay.h"

#include "fs/base/file.h"
#include "initramfs/mounts.h"

namespace granary {

namespace {
// Overlayfs separates layers by ':' and options by ','.
std::string escaped(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == ':' || c == ',' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}
}  // namespace

std::string overlay_options(const OverlayPlan& plan) {
  return str("lowerdir=", escaped(plan.tree), ":", escaped(plan.posted), ",upperdir=", escaped(plan.upper + "/upper"),
             ",workdir=", escaped(plan.upper + "/work"), ",index=off,metacopy=off,xino=off,redirect_dir=off");
}

Status mount_overlay(const OverlayPlan& plan) {
  if (!exists(plan.tree))
    return Error{Code::kNotFound, str("the snapshot has no directory ", plan.tree, ": check granary.path")};
  TRY(make_directories(plan.upper, 0700));
  TRY(make_directories(plan.upper + "/upper"));
  TRY(make_directories(plan.upper + "/work", 0700));
  return mount_at({"granary", plan.where, "overlay", 0, overlay_options(plan)});
}

}  // namespace granary
