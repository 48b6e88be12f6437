#include "fs/fuse/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <thread>

#include "fs/base/file.h"

namespace granary {
namespace {

constexpr int kHeld = 0;
constexpr int kNoSandbox = 77;

class SandboxTest : public testing::Test {
 protected:
  // How a process ends that enters the sandbox and does `what`: kHeld for true.
  int in_the_sandbox(const std::function<bool()>& what, const std::string& layer) const {
    const pid_t child = ::fork();
    if (child == 0) {
      SandboxRules rules{system_files(), {inside()}};
      const auto entered = enter_sandbox(rules);
      if (!entered) ::_exit(2);
      bool holds = false;
      for (const std::string& each : *entered) holds = holds || each == layer;
      if (!holds) ::_exit(kNoSandbox);
      ::_exit(what() ? kHeld : 1);
    }
    int how = 0;
    ::waitpid(child, &how, 0);
    return WIFSIGNALED(how) ? -WTERMSIG(how) : WEXITSTATUS(how);
  }
  std::string inside() const { return directory_.path() + "/inside"; }
  std::string outside() const { return directory_.path() + "/outside"; }
  void SetUp() override {
    for (const std::string& folder : {inside(), outside()}) {
      ASSERT_TRUE(make_directories(folder));
      ASSERT_TRUE(replace_file(folder + "/file", "text", 0644, Durability::kFast));
    }
  }

  const TemporaryDirectory directory_ = *TemporaryDirectory::make();
};

#define EXPECT_HOLDS(how, layer, wanted)                                       \
  {                                                                            \
    const int ended = in_the_sandbox(how, layer);                              \
    if (ended == kNoSandbox) GTEST_SKIP() << "this kernel has no " << (layer); \
    EXPECT_EQ(ended, wanted);                                                  \
  }

TEST_F(SandboxTest, FilesOutsideAreNeitherReadNorWritten) {
  EXPECT_HOLDS([&] { return ::open((outside() + "/file").c_str(), O_RDONLY) < 0 && errno == EACCES; }, "landlock",
               kHeld);
  EXPECT_HOLDS([&] { return ::open((outside() + "/new").c_str(), O_WRONLY | O_CREAT, 0600) < 0; }, "landlock", kHeld);
  EXPECT_HOLDS([&] { return ::unlink((outside() + "/file").c_str()) < 0; }, "landlock", kHeld);
  EXPECT_HOLDS([&] { return ::open("/etc/hostname.new", O_WRONLY | O_CREAT, 0600) < 0; }, "landlock", kHeld);
}

TEST_F(SandboxTest, FilesInsideAreReadWrittenMovedAndRemoved) {
  EXPECT_HOLDS(
      [&] {
        return read_file(inside() + "/file", 10).has_value() && make_directories(inside() + "/a/b").has_value() &&
               replace_file(inside() + "/a/b/new", "x", 0600, Durability::kDurable).has_value() &&
               ::rename((inside() + "/a/b/new").c_str(), (inside() + "/moved").c_str()) == 0 &&
               remove_tree(inside() + "/a").has_value();
      },
      "landlock", kHeld);
}

TEST_F(SandboxTest, NamesAreResolvedAndThreadsStarted) {
  EXPECT_HOLDS(
      [&] {
        bool resolved = false;
        std::thread thread([&] {
          addrinfo* found = nullptr;
          resolved = ::getaddrinfo("localhost", "80", nullptr, &found) == 0;
        });
        thread.join();
        return resolved && ::socket(AF_INET, SOCK_STREAM, 0) >= 0;
      },
      "seccomp", kHeld);
}

TEST_F(SandboxTest, WhatOnlyAnIntruderWantsEndsTheProcess) {
  EXPECT_HOLDS([] { return ::execl("/bin/true", "true", nullptr) != 0; }, "seccomp", -SIGSYS);
  EXPECT_HOLDS([] { return ::fork() < 0; }, "seccomp", -SIGSYS);
  EXPECT_HOLDS([] { return ::setuid(0) != 0; }, "seccomp", -SIGSYS);
  EXPECT_HOLDS([] { return ::umount2("/nothing", 0) != 0; }, "seccomp", -SIGSYS);
}

TEST_F(SandboxTest, OtherProcessesAreOutOfReach) {
  const pid_t parent = ::getpid();
  EXPECT_HOLDS([&] { return ::kill(parent, 0) != 0; }, "seccomp", kHeld);
}

}  // namespace
}  // namespace granary
