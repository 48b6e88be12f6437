// The root that the OS gets: an overlay of the tree, what the micro image adds to it, and a writable layer, which
// outlives reboots if it lies on a disk.
#pragma once

#include <string>

#include "fs/base/result.h"

namespace granary {

struct OverlayPlan {
  std::string tree;    // the directory that becomes the root
  std::string posted;  // below it: seen where the tree has nothing
  std::string upper;   // of the writable layer: its directories upper and work are made in here
  std::string where;
};

// index, metacopy, xino and redirect_dir are off: so the tree below may be another snapshot at the next start.
std::string overlay_options(const OverlayPlan& plan);
Status mount_overlay(const OverlayPlan& plan);

}  // namespace granary
