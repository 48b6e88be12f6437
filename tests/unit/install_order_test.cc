#include "builder/closure/install_order.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

std::string order(const std::vector<OrderedPackage>& packages) {
  std::string text;
  for (const uint32_t number : install_order(packages)) text += (text.empty() ? "" : " ") + packages[number].name;
  return text;
}

TEST(InstallOrderTest, WhatIsNeededComesFirstAndElseTheName) {
  EXPECT_EQ(order({{"a", false, {}, {2}}, {"b", false, {}, {}}, {"z", false, {}, {}}}), "z a b");
}

TEST(InstallOrderTest, WhatScriptsNeedComesBeforeEverythingElse) {
  EXPECT_EQ(order({{"aaa", false, {}, {}},
                   {"base-files", true, {3}, {}},
                   {"base-passwd", true, {}, {4}},
                   {"mawk", false, {}, {}},
                   {"libc6", false, {}, {}},
                   {"bash", true, {}, {}}}),
            "libc6 base-passwd mawk base-files bash aaa");
}

TEST(InstallOrderTest, InACirclePreDependsAreKeptAndThenLeastIsMissing) {
  EXPECT_EQ(order({{"a", false, {1}, {}}, {"b", false, {}, {0}}}), "b a");
  EXPECT_EQ(order({{"a", false, {}, {1, 2}}, {"b", false, {}, {0, 2}}, {"c", false, {}, {0}}}), "c a b");
}

TEST(InstallOrderTest, TheOrderDoesNotDependOnTheNumbers) {
  EXPECT_EQ(order({{"a", false, {}, {1}}, {"b", false, {}, {0}}, {"c", false, {}, {}}}), "a b c");
  EXPECT_EQ(order({{"c", false, {}, {}}, {"b", false, {}, {2}}, {"a", false, {}, {1}}}), "a b c");
}

}  // namespace
}  // namespace granary
