#include "builder/micro/module_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "fs/base/file.h"
#include "support/test_module.h"

namespace granary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ModuleSetTest : public testing::Test {
 protected:
  void SetUp() override {
    add("kernel/fs/fuse/fuse.ko", test_module("fuse"));
    add("kernel/fs/overlayfs/overlay.ko", test_module("overlay"));
  }

  void add(const std::string& path, const Bytes& bytes) {
    const std::string full = folder_.path() + "/" + path;
    ASSERT_TRUE(make_directories(std::filesystem::path(full).parent_path().string()));
    ASSERT_TRUE(replace_file(full, bytes, 0644, Durability::kFast));
  }

  static std::vector<std::string> files(const ModuleSet& set) {
    std::vector<std::string> names;
    for (const PackedModule& module : set) names.push_back(module.file);
    return names;
  }

  const TemporaryDirectory folder_ = *TemporaryDirectory::make();
};

TEST_F(ModuleSetTest, WhatIsNeededComesBeforeWhoNeedsIt) {
  add("kernel/fs/ext4/ext4.ko", test_module("ext4", {"depends=jbd2,crc16", "softdep=pre: crypto-crc32c"}));
  add("kernel/fs/jbd2/jbd2.ko", test_module("jbd2"));
  add("kernel/lib/crc16.ko", test_module("crc16"));
  add("kernel/crypto/crc32c_generic.ko", test_module("crc32c_generic"));

  const auto set = choose_modules(folder_.path(), {});

  ASSERT_TRUE(set) << set.error().message;
  EXPECT_THAT(files(*set), ElementsAre("fuse.ko", "overlay.ko", "crc32c_generic.ko", "jbd2.ko", "crc16.ko", "ext4.ko"));
  EXPECT_THAT(set->back().depends, ElementsAre("jbd2.ko", "crc16.ko", "crc32c_generic.ko"));
}

TEST_F(ModuleSetTest, DriversAreForTheirHardwareAndWhatTheyNeedToo) {
  add("kernel/drivers/virtio/virtio_pci.ko", test_module("virtio_pci", {"depends=virtio", "alias=pci:v00001AF4d*"}));
  add("kernel/drivers/virtio/virtio.ko", test_module("virtio"));

  const auto set = choose_modules(folder_.path(), {});

  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(modules_text(*set),
            "fuse.ko always -\noverlay.ko always -\nvirtio.ko hardware -\n"
            "virtio_pci.ko hardware virtio.ko pci:v00001AF4d*\n");
  EXPECT_EQ(order_text(*set), "fuse.ko\noverlay.ko\nvirtio.ko\nvirtio_pci.ko\n");
}

TEST_F(ModuleSetTest, WhatIsNeededEarlierTakesWhatItNeedsAlong) {
  add("kernel/drivers/virtio/virtio_pci.ko", test_module("virtio_pci", {"depends=virtio"}));
  add("kernel/drivers/virtio/virtio.ko", test_module("virtio"));
  add("kernel/drivers/mine.ko", test_module("mine", {"depends=virtio"}));

  const auto set = choose_modules(folder_.path(), {{"mine"}, false});

  ASSERT_TRUE(set) << set.error().message;
  const auto virtio = std::find_if(set->begin(), set->end(), [](const auto& each) { return each.name == "virtio"; });
  ASSERT_NE(virtio, set->end());
  EXPECT_EQ(virtio->use, ModuleUse::kAlways);
}

TEST_F(ModuleSetTest, MoreLiesThereForTheOs) {
  add("kernel/net/bridge.ko", test_module("bridge"));

  EXPECT_THAT(files(*choose_modules(folder_.path(), {})), ElementsAre("fuse.ko", "overlay.ko"));
  const auto more = choose_modules(folder_.path(), {{}, true});

  ASSERT_TRUE(more);
  EXPECT_THAT(files(*more), ElementsAre("fuse.ko", "overlay.ko", "bridge.ko"));
  EXPECT_THAT(order_text(*more), testing::Not(HasSubstr("bridge")));
}

TEST_F(ModuleSetTest, AKernelWithoutFuseIsRefused) {
  ASSERT_TRUE(remove_tree(folder_.path() + "/kernel/fs/fuse"));

  const auto set = choose_modules(folder_.path(), {});

  ASSERT_FALSE(set);
  EXPECT_THAT(set.error().message, HasSubstr("lack fuse"));
  add("modules.builtin", "kernel/fs/fuse/fuse.ko\n");
  EXPECT_TRUE(choose_modules(folder_.path(), {}));
}

TEST_F(ModuleSetTest, AModuleThatIsWishedForAndMissingIsNamed) {
  const auto set = choose_modules(folder_.path(), {{"nothing-such"}, false});
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, Code::kNotFound);
  EXPECT_THAT(set.error().message, HasSubstr("nothing-such"));
}

}  // namespace
}  // namespace granary
