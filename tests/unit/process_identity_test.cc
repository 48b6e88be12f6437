#include "tools/vm/process_identity.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace granary {
namespace {

TEST(ProcessIdentityTest, WeAreAlive) { EXPECT_TRUE(ProcessIdentity::of(::getpid()).is_alive()); }

TEST(ProcessIdentityTest, ANumberIsNotAProcess) {
  ProcessIdentity other = ProcessIdentity::of(::getpid());
  other.began += "1";
  EXPECT_FALSE(other.is_alive());
  EXPECT_FALSE(ProcessIdentity{}.is_alive());
}

TEST(ProcessIdentityTest, AZombieIsNotAlive) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  const ProcessIdentity identity = ProcessIdentity::of(child);
  siginfo_t ended{};
  ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
  EXPECT_FALSE(identity.is_alive());
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(identity.is_alive());
}

}  // namespace
}  // namespace granary
