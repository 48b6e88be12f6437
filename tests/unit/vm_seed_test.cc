#include "tools/vm/seed.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "fs/base/file.h"
#include "initramfs/context/context.h"

namespace granary {
namespace {

Seed small_seed() {
  Seed seed;
  seed.instance_id = "granary-1";
  seed.hostname = "one";
  seed.ssh_keys = {"ssh-ed25519 AAAA me@here"};
  return seed;
}

// What the micro image makes of it.
Context read_by_the_guest(const Seed& seed) {
  Context context;
  context.source = "NoCloud";
  context.user_data = user_data_of(seed);
  consume_user_data(context);
  return context;
}

TEST(VmSeedTest, MetaDataNamesTheMachineAndItsKeys) {
  EXPECT_EQ(meta_data_of(small_seed()),
            "instance-id: granary-1\nlocal-hostname: one\npublic-keys:\n  - ssh-ed25519 AAAA me@here\n");
}

TEST(VmSeedTest, TheUsersDataIsHandedOverAsItIs) {
  Seed seed = small_seed();
  seed.user_data = "#!/bin/sh\necho hello\n";
  EXPECT_EQ(user_data_of(seed), seed.user_data);
}

TEST(VmSeedTest, SettingsReachTheMicroImage) {
  Seed seed = small_seed();
  seed.settings = {{"branch", "stable"}, {"proxy", "http://proxy.example.org:3128"}};
  const Context context = read_by_the_guest(seed);
  ASSERT_EQ(context.sayings.size(), 2u);
  EXPECT_EQ(context.sayings[0].name, "branch");
  EXPECT_EQ(context.sayings[0].value, "stable");
  EXPECT_EQ(context.sayings[1].value, "http://proxy.example.org:3128");
}

TEST(VmSeedTest, SettingsTravelBesideTheUsersData) {
  Seed seed = small_seed();
  seed.settings = {{"branch", "stable"}};
  seed.user_data = "#cloud-config\nruncmd: [true]\n";
  EXPECT_NE(user_data_of(seed).find("text/cloud-config"), std::string::npos);
  const Context context = read_by_the_guest(seed);
  ASSERT_EQ(context.sayings.size(), 1u);
  EXPECT_EQ(context.sayings[0].value, "stable");
}

TEST(VmSeedTest, OnlyAPublicKeyIsOne) {
  const auto folder = TemporaryDirectory::make();
  const std::string path = folder->path() + "/id";
  EXPECT_TRUE(replace_file(path, "-----BEGIN OPENSSH PRIVATE KEY-----\n", 0600, Durability::kFast));
  EXPECT_EQ(public_ssh_keys(path).error().code, Code::kInvalid);
  EXPECT_TRUE(replace_file(path + ".pub", "ssh-ed25519 AAAA me\n", 0600, Durability::kFast));
  EXPECT_EQ(public_ssh_keys(path)->front(), "ssh-ed25519 AAAA me");
  EXPECT_EQ(public_ssh_keys(path + ".pub")->front(), "ssh-ed25519 AAAA me");
}

}  // namespace
}  // namespace granary
