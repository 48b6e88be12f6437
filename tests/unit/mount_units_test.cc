#include "fs/fuse/mount_units.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

Configuration configuration(const std::string& text) {
  Configuration out;
  out.add(text, "/etc/granary/granary.conf");
  return out;
}

std::map<std::string, MountUnit> units(const std::string& text) {
  std::map<std::string, MountUnit> out;
  for (const MountUnit& unit : mount_units(configuration(text), "").units) out[unit.name] = unit;
  return out;
}

TEST(MountUnits, NamesAreThoseOfSystemdEscape) {
  EXPECT_EQ(unit_name_of("/"), "-");
  EXPECT_EQ(unit_name_of("/sw"), "sw");
  EXPECT_EQ(unit_name_of("//srv///sw/"), "srv-sw");
  EXPECT_EQ(unit_name_of("/srv/my-sw x"), "srv-my\\x2dsw\\x20x");
  EXPECT_EQ(unit_name_of("/.a/.b"), "\\x2ea-.b");
}

TEST(MountUnits, OnlyThoseWithAMountPointAndAnAnswerToAutomount) {
  const auto made = units(
      "[repository a]\nurl = /a\nmount_point = /a\n"
      "[repository b]\nurl = /b\nautomount = yes\n"
      "[repository c]\nurl = /c\nmount_point = /srv/c\nautomount = no\n"
      "[repository d]\nurl = /d\nmount_point = /d\nautomount = yes\n");
  ASSERT_EQ(made.size(), 3U);
  EXPECT_TRUE(made.at("srv-c.mount").is_wanted);
  EXPECT_FALSE(made.at("d.mount").is_wanted);
  EXPECT_TRUE(made.at("d.automount").is_wanted);
  EXPECT_NE(made.at("srv-c.mount").text.find("\nWhat=c\nWhere=/srv/c\nType=granary\nOptions=_netdev,nofail\n"),
            std::string::npos)
      << made.at("srv-c.mount").text;
}

TEST(MountUnits, TheDefaultsMayAnswerForAll) {
  EXPECT_EQ(units("[defaults]\nautomount = no\n[repository a]\nurl = /a\nmount_point = /a\n").size(), 1U);
}

TEST(MountUnits, ABrokenRepositoryIsLeftOutAndToldOf) {
  const auto made = mount_units(configuration("[repository a]\nurl = a\nmount_point = /a\nautomount = no\n"
                                              "[repository b]\nurl = /b\nmount_point = /b\nautomount = no\n"),
                                "");
  ASSERT_EQ(made.units.size(), 1U);
  EXPECT_EQ(made.units[0].name, "b.mount");
  ASSERT_EQ(made.problems.size(), 1U);
  EXPECT_NE(made.problems[0].find("granary.conf:2"), std::string::npos);
}

TEST(MountUnits, APercentSignIsNoSpecifier) {
  const auto made = units("[repository a]\nurl = /a\nmount_point = /a%b\nautomount = no\n");
  EXPECT_NE(made.at("a\\x25b.mount").text.find("Where=/a%%b\n"), std::string::npos);
}

}  // namespace
}  // namespace granary
