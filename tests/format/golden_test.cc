// Every golden repository, one for each version of the format, is read and has the tree digests that expected.txt
// tells.
#include <gtest/gtest.h>

#include <fstream>

#include "format/verify.h"

namespace granary {
namespace {

const std::filesystem::path kGolden = GRANARY_SOURCE_DIR "/tests/format/golden";

TEST(Golden, EveryRepositoryIsRead) {
  int snapshots = 0;
  for (const auto& version : std::filesystem::directory_iterator(kGolden)) {
    std::ifstream expected(version.path() / "expected.txt");
    for (std::string line; std::getline(expected, line);) {
      std::istringstream words(line);
      std::string mark, option, name, digest;
      words >> mark >> option >> name >> digest;  // "== --branch main DIGEST" begins a snapshot
      if (mark != "==") continue;
      const auto tree = verify_everything(version.path(), name, TrustPolicy::Freshness::kArchive);
      ASSERT_TRUE(tree) << version.path() << ", " << name << ": " << tree.error().message;
      EXPECT_EQ(tree->hex(), digest) << version.path() << ", " << name;
      ++snapshots;
    }
  }
  EXPECT_GE(snapshots, 3);
}

}  // namespace
}  // namespace granary
