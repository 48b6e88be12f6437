#include <gtest/gtest.h>

#include "builder/debian/version.h"

namespace granary {
namespace {

TEST(DebianVersionTest, VersionsAreInThePolicysOrder) {
  // Each is earlier than the next.
  const char* const kOrdered[] = {"1.0~~",   "1.0~~a", "1.0~",  "1.0",     "1.0-0ubuntu1", "1.0-1", "1.0-1+b1",
                                  "1.0-1.1", "1.0-10", "1.0a",  "1.0a1",   "1.0a+",        "1.0+",  "1.0.1",
                                  "1.2",     "1.10",   "1:0.1", "1:0.1-1", "10:0"};
  for (size_t left = 0; left < std::size(kOrdered); ++left) {
    for (size_t right = 0; right < std::size(kOrdered); ++right)
      EXPECT_TRUE(compare_versions(kOrdered[left], kOrdered[right]) == (left <=> right))
          << kOrdered[left] << " and " << kOrdered[right];
  }
}

TEST(DebianVersionTest, SomeVersionsAreSpelledDifferentlyAndEqual) {
  EXPECT_TRUE(compare_versions("1.0", "0:1.0") == 0);
  EXPECT_TRUE(compare_versions("1.0", "1.0-0") == 0);
  EXPECT_TRUE(compare_versions("1.007", "1.7") == 0);
  EXPECT_TRUE(compare_versions("1.0-1", "1.0-01") == 0);
}

TEST(DebianVersionTest, NumbersOfAnyLengthAreCompared) {
  EXPECT_TRUE(compare_versions("20240101000000000000000000001", "20240101000000000000000000002") < 0);
}

TEST(DebianVersionTest, ABoundIsMet) {
  EXPECT_TRUE(satisfies("2.0", VersionRelation::kLaterOrEqual, "2.0"));
  EXPECT_FALSE(satisfies("2.0", VersionRelation::kLater, "2.0"));
  EXPECT_TRUE(satisfies("2.0~rc1", VersionRelation::kEarlier, "2.0"));
  EXPECT_TRUE(satisfies("anything", VersionRelation::kAny, ""));
}

TEST(DebianVersionTest, APatternMeansEverythingThatStartsSo) {
  EXPECT_TRUE(matches_version("1.2.7-1", "1.2*"));
  EXPECT_FALSE(matches_version("1.3", "1.2*"));
  EXPECT_TRUE(matches_version("0:1.2-3", "1.2-3"));
  EXPECT_FALSE(matches_version("1.2-30", "1.2-3"));
}

}  // namespace
}  // namespace granary
