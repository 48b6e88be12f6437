// Beside: what stands beside a recipe's file and becomes part of the recipe: sources of files, overlay directories,
// scripts, keyrings. Never leaves the recipe's folder, through no symbolic link either. Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "builder/recipe/recipe.h"

namespace granary {

class Beside {
 public:
  // What all recipes of a chain may read together: a recipe and its lock are documents.
  static constexpr uint64_t kMaxBytes = uint64_t{16} << 20;
  static constexpr size_t kMaxFiles = 10'000;

  // `left_bytes` is what may still be read, and is borrowed.
  Beside(std::string folder, uint64_t& left_bytes) : folder_(std::move(folder)), left_bytes_(left_bytes) {}

  struct File {
    Bytes content;
    uint16_t mode = 0;  // as on the disk, but what only its owner may write
  };
  // Every call below:
  //   kInvalid   `path` leads out of the folder, or is no file (no directory)
  //   kNotFound  there is none
  //   kNoSpace   more than kMaxBytes in total: the message says what to do
  Result<File> file(const std::string& path);
  // Everything below the directory, in path order, as it shall stand below `target` ("/" or "/opt/x"). Directories
  // have no mode: those that the tree has keep theirs.
  Result<std::vector<RecipeFile>> directory(const std::string& path, const std::string& target);

 private:
  Result<Bytes> read(int fd, uint64_t size_bytes, const std::string& path);

  std::string folder_;
  uint64_t& left_bytes_;
};

}  // namespace granary
