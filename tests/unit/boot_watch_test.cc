#include "tools/vm/boot_watch.h"

#include <gtest/gtest.h>

#include "fs/base/file.h"

namespace granary {
namespace {

TEST(BootWatchTest, TheMarkIsHeardHoweverItIsCut) {
  BootWatch watch;
  watch.hear("[    2.1] noise\r\ngranary: boot comp");
  EXPECT_FALSE(watch.complete());
  watch.hear("lete snapshot=abc seconds=21.5\r");
  EXPECT_FALSE(watch.complete());
  watch.hear("\n");
  ASSERT_TRUE(watch.complete());
  EXPECT_EQ(watch.complete()->snapshot, "abc");
  EXPECT_DOUBLE_EQ(watch.complete()->guest_seconds, 21.5);
  EXPECT_EQ(watch.completions(), 1u);
}

TEST(BootWatchTest, EveryRebootCounts) {
  BootWatch watch;
  watch.hear("granary: boot complete snapshot=a seconds=1\ngranary: boot complete snapshot=b seconds=2\n");
  EXPECT_EQ(watch.completions(), 2u);
  EXPECT_EQ(watch.complete()->snapshot, "b");
}

TEST(BootWatchTest, TheNewestFailureIsKept) {
  BootWatch watch;
  watch.hear("granary: FAILED network: no link\n\x1b[31mgranary: FAILED mount: no answer\x1b[0m\r\n");
  EXPECT_EQ(watch.failure(), "mount: no answer");
}

TEST(BootWatchTest, LastLinesHaveNoTerminalControl) {
  BootWatch watch;
  watch.hear("\x1b[1;32m  OK  \x1b[0m started\x07\r\n[unfinished");
  EXPECT_EQ(watch.last_lines(), "    OK   started\n  [unfinished\n");
}

TEST(BootWatchTest, OnlyTheLastLinesAreKept) {
  BootWatch watch;
  for (int line = 0; line < 1000; ++line) watch.hear(str("line ", line, "\n"));
  EXPECT_EQ(watch.last_lines().find("line 100\n"), std::string::npos);
  EXPECT_NE(watch.last_lines().find("line 999\n"), std::string::npos);
}

TEST(GrowingFileTest, GivesWhatIsNew) {
  const auto folder = TemporaryDirectory::make();
  const std::string path = folder->path() + "/log";
  GrowingFile file(path);
  EXPECT_EQ(file.more(), "");  // not there yet
  EXPECT_TRUE(replace_file(path, "one", 0600, Durability::kFast));
  EXPECT_EQ(file.more(), "one");
  EXPECT_TRUE(replace_file(path, "one two", 0600, Durability::kFast));
  EXPECT_EQ(file.more(), " two");
  EXPECT_EQ(file.more(), "");
}

}  // namespace
}  // namespace granary
