// BootLog: what the machine's console says while it starts, a line each, with the seconds since the kernel began; kept
// in memory from the first step, and in a file as soon as there is a place for it. One thread.
//   granary: [  2.31 s] network: eth0 192.0.2.7/24 by DHCP from 192.0.2.1
//   granary: FAILED network: no link has a carrier: plug a cable in, or say granary.network=none
#pragma once

#include <string>

#include "fs/base/result.h"

namespace granary {

class BootLog {
 public:
  // To standard output, which is the console once there is one.
  void done(const std::string& step, const std::string& outcome);
  void failed(const std::string& step, const std::string& why);
  // A line that belongs to no step's end: warnings, what is about to be tried.
  void note(const std::string& text);
  // All that was said until now, then each line as it is said. Lines that cannot be written are on the console all the
  // same.
  void keep_in(const std::string& path);

 private:
  void say(const std::string& line);

  std::string said_, path_;
};

// Since the kernel began.
double uptime_seconds();

}  // namespace granary
