#include "server/change_set.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace granary {
namespace {

TEST(ChangeSet, ADirectoryComesBeforeWhatIsBelowItAndThatBeforeItsNeighbours) {
  const std::vector<Bytes> sorted = {"", "a", "a/b", "a/b/c", "a/b-c", "a-b", "a-b/c", "ab", "b", "\xff"};
  std::vector<Bytes> shuffled(sorted.rbegin(), sorted.rend());
  std::sort(shuffled.begin(), shuffled.end(), path_less);
  EXPECT_EQ(shuffled, sorted);
  for (const Bytes& path : sorted) EXPECT_FALSE(path_less(path, path));
}

TEST(ChangeSet, BelowMeansWholeComponents) {
  EXPECT_TRUE(is_at_or_below("a/b", ""));
  EXPECT_TRUE(is_at_or_below("a/b", "a"));
  EXPECT_TRUE(is_at_or_below("a", "a"));
  EXPECT_FALSE(is_at_or_below("ab", "a"));
  EXPECT_FALSE(is_at_or_below("a", "a/b"));
}

}  // namespace
}  // namespace granary
