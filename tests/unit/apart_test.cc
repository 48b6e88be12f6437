#include "builder/cook/apart.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/base/file.h"

namespace granary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const auto kIgnore = [](ByteView) {};

class ApartTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!run_apart([](const Tell&) -> Status { return Done{}; }, kIgnore)) GTEST_SKIP() << "no namespaces here";
  }
  const TemporaryDirectory directory_ = *TemporaryDirectory::make();
};

TEST_F(ApartTest, WhatIsToldArrivesInOrderAndTheErrorAsItWas) {
  std::vector<std::string> told;
  const Status status = run_apart(
      [](const Tell& tell) -> Status {
        tell("one");
        tell("two");
        return Error{Code::kNoSpace, "full"};
      },
      [&](ByteView text) { told.emplace_back(text); });
  EXPECT_THAT(told, ElementsAre("one", "two"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kNoSpace);
  EXPECT_EQ(status.error().message, "full");
}

TEST_F(ApartTest, MountsAreSeenInsideOnly) {
  const std::string at = directory_.path();
  ASSERT_TRUE(replace_file(at + "/outside", "", 0600, Durability::kFast));
  const Status status = run_apart(
      [&](const Tell&) -> Status {
        if (::mount("t", at.c_str(), "tmpfs", 0, nullptr) != 0) return system_error(errno, "mount");
        if (exists(at + "/outside")) return Error{Code::kInternal, "not hidden"};
        return Done{};
      },
      kIgnore);
  EXPECT_TRUE(status) << status.error().message;
  EXPECT_TRUE(exists(at + "/outside"));
}

TEST_F(ApartTest, WhatItStartedEndsWithIt) {
  const std::string file = directory_.path() + "/alive";
  const Status status = run_apart(
      [&](const Tell&) -> Status {
        if (::fork() == 0) {
          for (;;) {
            static_cast<void>(replace_file(file, "", 0600, Durability::kFast));
            ::usleep(1000);
          }
        }
        while (!exists(file)) ::usleep(1000);
        return Done{};
      },
      kIgnore);
  ASSERT_TRUE(status) << status.error().message;
  ::unlink(file.c_str());
  ::usleep(50'000);
  EXPECT_FALSE(exists(file));
}

TEST_F(ApartTest, ItEndsWhenWeAreKilled) {
  const std::string file = directory_.path() + "/alive";
  const pid_t us = ::fork();
  if (us == 0) {
    static_cast<void>(run_apart(
        [&](const Tell&) -> Status {
          for (;;) {
            static_cast<void>(replace_file(file, "", 0600, Durability::kFast));
            ::usleep(1000);
          }
        },
        kIgnore));
    ::_exit(0);
  }
  while (!exists(file)) ::usleep(1000);
  ::kill(us, SIGKILL);
  ::waitpid(us, nullptr, 0);
  bool is_over = false;
  for (int i = 0; i < 200 && !is_over; ++i) {
    ::unlink(file.c_str());
    ::usleep(20'000);
    is_over = !exists(file);
  }
  EXPECT_TRUE(is_over);
}

TEST_F(ApartTest, WhoTakesTooLongIsEnded) {
  ApartOptions options;
  options.timeout = std::chrono::milliseconds(100);
  const Status status = run_apart(
      [](const Tell&) -> Status {
        for (;;) ::pause();
      },
      kIgnore, options);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kUnavailable);
}

TEST_F(ApartTest, DyingWithoutAWordIsAnError) {
  const Status status = run_apart(
      [](const Tell&) -> Status {
        ::raise(SIGKILL);  // process 1 of a namespace cannot kill itself so
        ::_exit(1);
      },
      kIgnore);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("without a word"));
}

}  // namespace
}  // namespace granary
