// ReportArchive: texts collected into a compressed tar file that unpacks into one folder. The file is made with mode
// 0600, and is no archive before `close`.
#pragma once

#include <memory>
#include <string>

#include "fs/base/result.h"

namespace granary {

class ReportArchive {
 public:
  // `folder`: what all names begin with.
  static Result<std::unique_ptr<ReportArchive>> create(const std::string& file, const std::string& folder);
  virtual ~ReportArchive() = default;
  virtual Status add(const std::string& name, const std::string& text) = 0;
  virtual Status close() = 0;
};

}  // namespace granary
