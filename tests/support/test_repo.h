// TestRepo: a real repository in a temporary directory, in one line:
//   TestRepo repo = TestRepo::with({{"etc/motd", "hi"}});
// What cannot be made ends the test program, with the reason.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fs/base/file.h"
#include "server/publisher.h"

namespace granary {

class TestRepo {
 public:
  // Paths and contents of regular files; the directories above them are made.
  using Files = std::vector<std::pair<std::string, std::string>>;

  // With one snapshot, on branch main.
  static TestRepo with(const Files& files);
  static TestRepo empty();

  std::string directory() const { return top_.path() + "/repository"; }
  std::string trust_path() const;
  // For whatever else the test needs; goes with the repository.
  std::string scratch() const { return top_.path() + "/scratch"; }
  Repository& repository() { return *repository_; }

  // The branch becomes these files and nothing else.
  Published publish(const Files& files, const std::string& branch = "main", const std::string& tag = {});
  // The same, without holding on to errors.
  Result<Published> try_publish(const Files& files, const std::string& branch = "main", const std::string& tag = {});

  // All objects there are, as names of files: "objects/ab/cdef…".
  std::vector<std::string> object_files() const;

 private:
  TestRepo(TemporaryDirectory top, std::unique_ptr<Repository> repository)
      : top_(std::move(top)), repository_(std::move(repository)) {}

  TemporaryDirectory top_;
  std::unique_ptr<Repository> repository_;
};

// Bytes that do not compress and differ from seed to seed.
std::string random_text(unsigned seed, size_t size_bytes);

}  // namespace granary
