// run_apart: does a piece of work in a process of its own, with mount and process namespaces of its own. Whatever it
// mounts and starts is gone when it is over, however it ends: killed by somebody, with us, or in the middle of a mount.
// Needs root. To be called from one thread; other threads of the caller must not hold locks that the work needs.
#pragma once

#include <chrono>
#include <functional>

#include "fs/base/bytes.h"
#include "fs/base/result.h"

namespace granary {

// Sends a line to the caller's `on_told`, in order.
using Tell = std::function<void(ByteView)>;

struct ApartOptions {
  std::chrono::milliseconds timeout{0};  // later the work is killed: kUnavailable; 0: never
  bool is_interactive = false;           // it has the terminal: an interrupt is its, not ours
};

// What the work returned.
//   kPermission  not root
//   kInternal    it died without saying anything
Status run_apart(const std::function<Status(const Tell&)>& work, const std::function<void(ByteView)>& on_told,
                 const ApartOptions& options = {});

// From now on this process has no network but a loopback of its own that is down. Needs root.
Status leave_network();

}  // namespace granary
