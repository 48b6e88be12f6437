// Whether this host's KVM works: some hosts have a /dev/kvm in which guests hang or QEMU ends.
#pragma once

#include <string>

#include "fs/base/result.h"

namespace granary {

struct Acceleration {
  bool kvm = false;
  std::string why_not;  // for people; empty with KVM
};

// Tries it with a guest of 512 bytes that has to answer within two seconds, through the firmware and with the processor
// that real guests get. The answer is kept in `cache_folder` until this host starts anew or has another QEMU.
Acceleration probe_acceleration(const std::string& qemu, const std::string& cache_folder);

}  // namespace granary
