#include "fs/base/crash_point.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

namespace granary {

namespace {
class Wish {
 public:
  Wish(const char* variable, int signal) : signal_(signal) {
    const char* const text = ::secure_getenv(variable);
    if (text == nullptr) return;
    name_ = text;
    const size_t colon = name_.find(':');
    if (colon == std::string::npos) return;
    times_ = std::strtol(name_.c_str() + colon + 1, nullptr, 10);
    name_.resize(colon);
  }

  void pass(const char* name) {
    if (name_.empty() || name_ != name) return;
    if (++passed_ == times_) ::kill(::getpid(), signal_);
  }

 private:
  const int signal_;
  std::string name_;
  long times_ = 1;
  std::atomic<long> passed_{0};
};
}  // namespace

void crash_point(const char* name) {
  static Wish crash("GRANARY_CRASH_AT", SIGKILL);
  static Wish stop("GRANARY_STOP_AT", SIGSTOP);
  crash.pass(name);
  stop.pass(name);
}

}  // namespace granary
