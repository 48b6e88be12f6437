#include "fs/base/unique_name.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "fs/base/file.h"

namespace granary {
namespace {

TEST(UniqueName, NoTwoAreTheSame) {
  std::set<std::string> names;
  for (int i = 0; i < 10'000; ++i) names.insert(unique_name());
  EXPECT_EQ(names.size(), 10'000U);
  EXPECT_EQ(names.begin()->size(), 16U);
}

// Does it as process 1 of a namespace of its own.
pid_t start_as_process_1(const std::function<bool()>& work) {
  const pid_t outer = ::fork();
  if (outer != 0) return outer;
  if (::unshare(CLONE_NEWPID) != 0) ::_exit(2);
  const pid_t inner = ::fork();
  if (inner == 0) ::_exit(work() ? 0 : 1);
  int status = 0;
  ::waitpid(inner, &status, 0);
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
}

TEST(UniqueName, ProcessesOfTheSameNumberReplaceOneFileTogether) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, for process namespaces";
  const auto directory = *TemporaryDirectory::make();
  const auto replace_often = [&] {
    for (int i = 0; i < 2000; ++i) {
      if (!replace_file(directory.path() + "/file", "content", 0600, Durability::kFast)) return false;
    }
    return true;
  };
  for (const pid_t process : {start_as_process_1(replace_often), start_as_process_1(replace_often)}) {
    int status = 0;
    ::waitpid(process, &status, 0);
    EXPECT_EQ(status, 0);
  }
}

}  // namespace
}  // namespace granary
