// The first steps of a machine: its kernel's file systems, a console to speak to, drivers, and randomness.
#pragma once

#include <string>

#include "fs/base/result.h"

namespace granary {

// /proc, /sys, /dev with /dev/pts, and standard input and output at /dev/console.
Result<std::string> open_console();

// A line to be seen there, whatever standard output is by now.
void say_on_console(const std::string& line);

// Drivers, in `folder`/VERSION, those of them that this machine needs (drivers.h). What is
// loaded already, or has no device, is no error; what the kernel refuses is named in the outcome.
//   kInvalid  the image is for another kernel
Result<std::string> load_modules(const std::string& folder);

// Waits some seconds at most for the kernel's random numbers to be good.
Result<std::string> await_entropy();

// The name and the version in /etc/granary/version, and when the image was built: the floor of trusted time.
struct ImageVersion {
  std::string granary, built_at;
};
ImageVersion image_version();

}  // namespace granary
