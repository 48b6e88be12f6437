// What a directory takes on its disk, as du counts it; what vanishes meanwhile is left out.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string>

namespace granary {

inline uint64_t disk_usage(const std::string& directory) {
  constexpr uint64_t kSectorBytes = 512;
  struct stat info {};
  uint64_t sum = ::lstat(directory.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_blocks) * kSectorBytes : 0;
  std::error_code gone;
  for (std::filesystem::recursive_directory_iterator at(directory, gone), end; at != end; at.increment(gone)) {
    if (::lstat(at->path().c_str(), &info) == 0) sum += static_cast<uint64_t>(info.st_blocks) * kSectorBytes;
    if (gone) break;
  }
  return sum;
}

}  // namespace granary
