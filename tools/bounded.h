// Bounded: work that may hang for ever, such as a look at a file system that does not answer, done by a child process
// that is given up at a deadline. A child that the kernel does not let die is left to itself.
// Started before this process has threads.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>

#include "fs/base/result.h"
#include "fs/base/unique_fd.h"

namespace granary {

class Bounded {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // What the child does: it says what it found by calling `say`, bit by bit. What it throws away when it is killed is
  // what it has not said yet.
  using Say = std::function<void(const std::string&)>;
  using Work = std::function<void(const Say& say)>;

  static Result<Bounded> start(const Work& work);
  Bounded(Bounded&& other) noexcept : pid_(std::exchange(other.pid_, -1)), output_(std::move(other.output_)) {}
  Bounded& operator=(Bounded&&) = delete;
  ~Bounded();

  struct Outcome {
    bool ended = false;  // by itself
    std::string said;    // at most kMostSaidBytes
  };
  static constexpr size_t kMostSaidBytes = size_t{16} << 20;
  // Waits until it has ended, or until the deadline.
  Outcome wait(Time deadline);

 private:
  Bounded(pid_t pid, UniqueFd output) : pid_(pid), output_(std::move(output)) {}
  pid_t pid_;
  UniqueFd output_;
};

// What the work says, as far as it came; `note` follows when it was given up.
std::string said_within(std::chrono::milliseconds timeout, const Bounded::Work& work);

}  // namespace granary
