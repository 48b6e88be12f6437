// Progress: one line on standard error that rewrites itself on a terminal, at most some times a second; on anything
// else, silence. One thread at a time.
#pragma once

#include <chrono>

#include "tools/command.h"

namespace granary {

class Progress {
 public:
  explicit Progress(Io& io) : io_(io) {}
  ~Progress() { clear(); }
  void show(const std::string& line);
  void clear();

 private:
  Io& io_;
  std::chrono::steady_clock::time_point next_{};
  bool shown_ = false;
};

}  // namespace granary
