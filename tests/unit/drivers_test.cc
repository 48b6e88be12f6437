#include "initramfs/drivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fs/base/file.h"

namespace granary {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Driver with(std::vector<std::string> aliases) { return {"x.ko", false, false, {}, std::move(aliases)}; }

TEST(Drivers, AreReadFromTheImagesList) {
  const auto drivers = parse_drivers(
      "fuse.ko always - fs-fuse\nvirtio_net.ko hardware net_failover.ko,failover.ko virtio:d00000001v*\n\nbroken\n"
      "tun.ko later -\n");
  EXPECT_THAT(
      drivers,
      ElementsAre(Driver{"fuse.ko", true, false, {}, {"fs-fuse"}},
                  Driver{"virtio_net.ko", false, false, {"net_failover.ko", "failover.ko"}, {"virtio:d00000001v*"}},
                  Driver{"tun.ko", false, true, {}, {}}));
  EXPECT_THAT(parse_drivers(""), IsEmpty());
  EXPECT_THAT(parse_driver_order("a.ko\nb.ko\n"),
              ElementsAre(Driver{"a.ko", true, false, {}, {}}, Driver{"b.ko", true, false, {}, {}}));
}

TEST(Drivers, OfADeviceThatIsThereAreNeeded) {
  const std::vector<std::string> machine{"virtio:d00000002v00001AF4",
                                         "pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00"};
  EXPECT_TRUE(is_needed(with({"virtio:d00000002v*"}), machine));
  EXPECT_FALSE(is_needed(with({"virtio:d00000001v*"}), machine));
  EXPECT_TRUE(is_needed(with({"pci:v00001AF4d*sv*sd*bc*sc*i*"}), machine));
  EXPECT_FALSE(is_needed(with({"pci:v000015ADd000007B0sv*sd*bc*sc*i*"}), machine));
}

TEST(Drivers, WhatCannotBeLookedAtIsNeeded) {
  EXPECT_TRUE(is_needed(with({"acpi*:LNRO0005:*"}), {}));
  EXPECT_TRUE(is_needed({"ext4.ko", true, false, {}, {}}, {}));
}

TEST(Drivers, WhatOnlyOthersNeedOrComesLaterIsNot) {
  EXPECT_FALSE(is_needed(with({}), {}));
  EXPECT_FALSE(is_needed({"tun.ko", false, true, {}, {"devname:net/tun"}}, {}));
}

TEST(Drivers, OfWholeBusesAreNeededWhereThereIsTheBus) {
  EXPECT_FALSE(is_needed(with({"xen:vif"}), {"pci:v1"}));
  EXPECT_TRUE(is_needed(with({"xen:vif"}), {"xen:"}));
  EXPECT_FALSE(is_needed(with({"vmbus:635161f83edfc546913ff2d2f965ed0e"}), {"xen:"}));
}

TEST(Drivers, TheMachineIsAskedWhatIsInIt) {
  const TemporaryDirectory sys = *TemporaryDirectory::make();
  const std::string device = sys.path() + "/bus/pci/devices/0000:00:01.0";
  ASSERT_TRUE(make_directories(device));
  ASSERT_TRUE(make_directories(sys.path() + "/bus/vmbus"));
  ASSERT_TRUE(replace_file(device + "/modalias", "pci:v00008086\n", 0644, Durability::kFast));
  EXPECT_THAT(machine_aliases(sys.path()), ElementsAre("pci:v00008086", "vmbus:"));
}

}  // namespace
}  // namespace granary
