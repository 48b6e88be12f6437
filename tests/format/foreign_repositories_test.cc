// Repositories that the second writer made (tests/independent/cases.py), each with one oddity: the library takes the
// good ones and refuses the others, wherever it is that the oddity lies.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "format/verify.h"

namespace granary {
namespace {

namespace files = std::filesystem;

// One temporary directory for all tests, made by the second writer.
class ForeignRepositories : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string name = (files::temp_directory_path() / "granary-foreign.XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    top_ = name;
    const std::string command =
        "PYTHONDONTWRITEBYTECODE=1 " GRANARY_PYTHON " " GRANARY_SOURCE_DIR "/tests/independent/cases.py " + name;
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  static void TearDownTestSuite() { files::remove_all(top_); }

  static files::path top_;
};
files::path ForeignRepositories::top_;

TEST_F(ForeignRepositories, GoodOnesAreReadAndBadOnesRefused) {
  std::ifstream list(top_ / "cases.txt");
  int good = 0;
  int bad = 0;
  for (std::string line; std::getline(list, line);) {
    std::istringstream words(line);
    std::string name, verdict, option;
    words >> name >> verdict >> option;
    if (verdict == "record") continue;  // nobody but `granary check` looks there
    const auto freshness = option == "--archive" ? TrustPolicy::Freshness::kArchive : TrustPolicy::Freshness::kRequired;
    const auto read = verify_everything(top_ / name, "main", freshness);
    EXPECT_EQ(read.has_value(), verdict == "good") << name << (read ? "" : ": " + read.error().message);
    (verdict == "good" ? good : bad)++;
  }
  EXPECT_GE(good, 10);
  EXPECT_GE(bad, 100);
}

}  // namespace
}  // namespace granary
