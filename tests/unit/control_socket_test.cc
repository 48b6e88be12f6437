#include "fs/client/control_socket.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace granary {
namespace {

using std::chrono::milliseconds;

// A device number that no mount has keeps the test to itself.
MountPoint unused_mount() {
  MountPoint mount;
  mount.path = "/nowhere";
  mount.device = makedev(4000, static_cast<unsigned>(::getpid()) & 0xfffff);
  return mount;
}

TEST(ControlSocket, AnswersQuestionsUntilItGoes) {
  const MountPoint mount = unused_mount();
  auto socket = ControlSocket::listen(mount.device, [](const std::string& question) -> Result<std::string> {
    if (question == "stat") return std::string(100'000, 'x');
    if (question == "start") return Error{Code::kBusy, "one runs"};
    return Error{Code::kInvalid, "no such question: " + question};
  });
  if (!socket) GTEST_SKIP() << socket.error().message;

  auto client = ControlClient::connect(mount);
  ASSERT_TRUE(client) << client.error().message;
  EXPECT_EQ(client->pid(), ::getpid());
  EXPECT_EQ(client->ask("stat", milliseconds(5000))->size(), 100'000U);
  auto other = ControlClient::connect(mount);
  EXPECT_EQ(other->ask("what", milliseconds(5000)).error().message, "no such question: what");
  auto third = ControlClient::connect(mount);
  EXPECT_EQ(third->ask("start", milliseconds(5000)).error().code, Code::kBusy);

  socket->reset();
  EXPECT_EQ(ControlClient::connect(mount).error().code, Code::kNotFound);
}

TEST(ControlSocket, AClientThatSaysNothingDoesNotHoldUpTheNextForEver) {
  const MountPoint mount = unused_mount();
  const auto socket = ControlSocket::listen(mount.device, [](const std::string&) { return std::string("yes"); });
  if (!socket) GTEST_SKIP() << socket.error().message;
  const auto silent = ControlClient::connect(mount);
  auto client = ControlClient::connect(mount);
  ASSERT_TRUE(client);
  EXPECT_EQ(*client->ask("stat", milliseconds(10'000)), "yes");
}

}  // namespace
}  // namespace granary
