// Where the kernel of a micro image comes from: Debian's own package, a file, or the tiny one that tools/dev makes. One
// thread.
#pragma once

#include <functional>

#include "builder/archive/package_source.h"
#include "builder/micro/micro_image.h"

namespace granary {

struct KernelFetch {
  std::string cache;               // the folder for cooks; kernels are unpacked in kernels/ below it
  std::string suite = "bookworm";  // whose kernel is taken
  UnixSeconds now = 0;
  std::function<void(const std::string&)> on_step = [](const std::string&) {};  // "fetching linux-image-6.1.0-56-amd64"
  std::function<void(const FetchProgress&)> on_fetch = [](const FetchProgress&) {};
};

// The newest kernel for amd64 of a Debian suite, found and verified as packages are for a cook. When no archive can be
// reached, the one that was taken last time; `notes` then says so.
//   those of resolve() and PackageSource::packages
Result<MicroKernel> debian_kernel(PackageSource& source, const KernelFetch& fetch, std::vector<std::string>& notes);

// A bzImage and the folder of its modules; empty: /lib/modules/VERSION if `image` lies in /boot, else none.
//   kInvalid  it is no bzImage for x86
Result<MicroKernel> kernel_file(const std::string& image, const std::string& modules);

// The tiny kernel, with all drivers built in: of $GRANARY_MICRO_PARTS, lib/granary/micro, or build/micro/kernel.
//   kNotFound  naming the command that makes it
Result<MicroKernel> tiny_kernel();

// The version that a bzImage says it is: "6.1.0-56-amd64" (Documentation/arch/x86/boot.rst). kInvalid: it is none.
Result<std::string> kernel_version(ByteView image);

inline constexpr size_t kMaxKernelBytes = size_t{256} << 20;

}  // namespace granary
