#include "builder/micro/kernel_module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/test_module.h"

namespace granary {
namespace {

using testing::ElementsAre;

TEST(KernelModule, TellsItsNameAndWhatItNeeds) {
  const auto module = KernelModule::parse(
      test_module("virtio-rng", {"depends=virtio,rng-core", "softdep=pre: crypto-crc32c other post: third",
                                 "alias=virtio:d00000004v*", "alias=other", "license=GPL"}));

  ASSERT_TRUE(module);
  EXPECT_EQ(module->name, "virtio_rng");
  EXPECT_THAT(module->depends, ElementsAre("virtio", "rng_core"));
  EXPECT_THAT(module->softdeps, ElementsAre("crypto-crc32c", "other"));
  EXPECT_THAT(module->aliases, ElementsAre("virtio:d00000004v*", "other"));
  EXPECT_FALSE(module->has_debug);
}

TEST(KernelModule, SectionsForDebuggersAreSeen) {
  EXPECT_TRUE(KernelModule::parse(test_module("big", {}, ".debug_info"))->has_debug);
}

TEST(KernelModule, CutOffAnywhereItIsRefused) {
  const Bytes whole = test_module("ext4", {"depends=jbd2"});
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto module = KernelModule::parse(ByteView(whole).substr(0, size));
    ASSERT_FALSE(module) << size;
    EXPECT_EQ(module.error().code, Code::kCorrupt);
  }
}

TEST(KernelModule, AnotherMachinesIsRefused) {
  Bytes other = test_module("ext4");
  other[4] = 1;  // ELFCLASS32
  EXPECT_EQ(KernelModule::parse(other).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace granary
