#include "fs/client/control_socket.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <atomic>
#include <future>

#include "support/waiting.h"

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

TEST(ControlSocket, WhoGoesLateLeavesTheSocketOfTheNextMountWithThatNumber) {
  const MountPoint mount = unused_mount();
  auto old_one = ControlSocket::listen(mount.device, [](const std::string&) { return std::string("old"); });
  if (!old_one) GTEST_SKIP() << old_one.error().message;
  const auto next = ControlSocket::listen(mount.device, [](const std::string&) { return std::string("next"); });
  ASSERT_TRUE(next) << next.error().message;
  old_one->reset();
  auto client = ControlClient::connect(mount);
  ASSERT_TRUE(client) << client.error().message;
  EXPECT_EQ(*client->ask("who", milliseconds(5000)), "next");
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

TEST(ControlSocket, AnAnswerThatHangsDoesNotHoldUpOthers) {
  const MountPoint mount = unused_mount();
  std::promise<void> opened;
  const auto gate = opened.get_future().share();
  std::atomic<size_t> asked{0};
  const auto socket = ControlSocket::listen(mount.device, [&](const std::string& question) {
    if (question == "hang") {
      ++asked;
      gate.wait();
    }
    return std::string("yes");
  });
  if (!socket) GTEST_SKIP() << socket.error().message;
  Mailbox<std::string> hanging;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < ControlSocket::kMaxClients - 1; ++i) {
    threads.emplace_back([&] {
      auto client = ControlClient::connect(mount);
      hanging.deliver(client ? client->ask("hang", milliseconds(20'000)) : Result<std::string>(client.error()));
    });
  }
  EXPECT_TRUE(eventually([&] { return asked == ControlSocket::kMaxClients - 1; }));
  auto client = ControlClient::connect(mount);
  ASSERT_TRUE(client);
  EXPECT_EQ(*client->ask("stat", milliseconds(10'000)), "yes");
  EXPECT_EQ(hanging.count(), 0U);
  EXPECT_FALSE((*socket)->close(std::chrono::steady_clock::now() + milliseconds(20)));
  opened.set_value();
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE((*socket)->close(std::chrono::steady_clock::now() + std::chrono::seconds(10)));
}

TEST(ControlSocket, AClientThatDoesNotReadItsAnswerIsLeft) {
  const MountPoint mount = unused_mount();
  const auto socket =
      ControlSocket::listen(mount.device, [](const std::string&) { return std::string(size_t{8} << 20, 'x'); });
  if (!socket) GTEST_SKIP() << socket.error().message;
  std::vector<Result<ControlClient>> silent;
  for (int i = 0; i < 8; ++i) {
    silent.push_back(ControlClient::connect(mount));
    ASSERT_TRUE(silent.back());
    EXPECT_FALSE(silent.back()->ask("stat", milliseconds(0)));  // asks, and leaves the answer where it is
  }
  auto client = ControlClient::connect(mount);
  ASSERT_TRUE(client);
  EXPECT_EQ(client->ask("stat", milliseconds(10'000))->size(), size_t{8} << 20);
}

}  // namespace
}  // namespace granary
