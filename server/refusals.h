// Refusals: what a source holds that cannot be published, by name. Collected, so that one run tells of many. One
// thread.
#pragma once

#include <string>
#include <vector>

#include "fs/base/bytes.h"

namespace granary {

class Refusals {
 public:
  void add(ByteView path, const Error& why);
  bool any() const { return count_ > 0; }
  // Enough to report: looking on would not tell more.
  bool full() const { return told_.size() >= kMostTold; }
  // One error that tells of all, or success when there are none.
  Status status() const;

 private:
  static constexpr size_t kMostTold = 20;
  std::vector<std::string> told_;
  size_t count_ = 0;
  Code code_ = Code::kInvalid;
};

}  // namespace granary
