// ScriptLog: what the scripts of a tree print, in a file, and the words for one that failed. One thread.
#pragma once

#include <string>

#include "fs/base/result.h"
#include "fs/base/unique_fd.h"

namespace granary {

class ScriptLog {
 public:
  // Appends to `path`; without one, to a file that nobody sees.
  static Result<ScriptLog> open(const std::string& path);

  int descriptor() const { return file_.get(); }
  // What is about to run: a line in the log. What it says comes after.
  void begin(const std::string& what);
  // The end of what the last one said.
  std::string end_of_last() const;

  // kInvalid: package, script, status, and the end of what it said.
  Error failure(const std::string& package, const std::string& script, int status) const;
  // The same, found in what dpkg said. It names package and script itself.
  Error dpkg_failure(int status) const;

 private:
  explicit ScriptLog(UniqueFd file) : file_(std::move(file)) {}
  UniqueFd file_;
  off_t last_ = 0;
};

}  // namespace granary
