#include "fs/client/watchdog.h"

#include <gtest/gtest.h>

#include <future>

#include "support/waiting.h"

namespace granary {
namespace {

using std::chrono::milliseconds;

TEST(Activity, OthersSeeWhatAThreadIsInTheMiddleOf) {
  const Digest object = Digest::of("x");
  EXPECT_TRUE(busy_threads().empty());
  {
    const ScopedActivity outer("read", 5);
    const ScopedActivity inner("cache read", 0, object);
    std::thread([&] {
      const auto busy = busy_threads();
      ASSERT_EQ(busy.size(), 1U);
      ASSERT_EQ(busy[0].activities.size(), 2U);
      EXPECT_STREQ(busy[0].activities[0].what, "read");
      EXPECT_EQ(busy[0].activities[0].number, 5U);
      EXPECT_TRUE(busy[0].activities[0].object.is_none());
      EXPECT_EQ(busy[0].activities[1].object, object);
    }).join();
  }
  EXPECT_TRUE(busy_threads().empty());
}

TEST(Activity, DeeperThanItCanTellIsStillLeftProperly) {
  {
    const ScopedActivity one("1"), two("2"), three("3"), four("4"), five("5"), six("6");
    EXPECT_EQ(busy_threads().at(0).activities.size(), ScopedActivity::kDepth);
  }
  EXPECT_TRUE(busy_threads().empty());
}

TEST(Watchdog, TellsOnceOfEachThingThatWaitsTooLong) {
  Mutex mutex;
  std::vector<Waiting> waiting;
  const Watchdog watchdog(
      {"repo", "http://source", milliseconds(50)},
      [&](Waiting::Time before) {
        const MutexLock lock(mutex);
        std::vector<Waiting> out;
        for (const Waiting& each : waiting) {
          if (each.since < before) out.push_back(each);
        }
        return out;
      },
      [](InodeNumber inode) { return str("/path/", inode); });
  EXPECT_EQ(watchdog.report().total, 0U);
  {
    const MutexLock lock(mutex);
    Waiting read;
    read.operation = "read";
    read.inode = 9;
    read.waits_for = "an object";
    read.since = Waiting::Time::clock::now() - milliseconds(100);
    waiting.push_back(read);
    read.inode = 10;
    read.since += milliseconds(1);
    waiting.push_back(read);
  }
  ASSERT_TRUE(eventually([&] { return watchdog.report().now_count == 2; }));
  std::this_thread::sleep_for(milliseconds(60));  // looked at again
  EXPECT_EQ(watchdog.report().total, 2U);
  EXPECT_EQ(watchdog.report().now.at(0).path, "/path/9");
  EXPECT_GE(watchdog.report().longest_seconds, 0.1);
  {
    const MutexLock lock(mutex);
    waiting.clear();
  }
  EXPECT_TRUE(eventually([&] { return watchdog.report().now_count == 0; }));
  EXPECT_EQ(watchdog.report().total, 2U);
}

TEST(Watchdog, SeesThreadsThatHang) {
  std::promise<void> opened;
  const auto gate = opened.get_future().share();
  std::thread hanging([&] {
    const ScopedActivity outer("getattr", 3);
    const ScopedActivity inner("cache read");
    gate.wait();
  });
  ASSERT_TRUE(eventually([] { return !waiting_threads(Waiting::Time::clock::now()).empty(); }));
  const auto seen = waiting_threads(Waiting::Time::clock::now());
  EXPECT_EQ(seen.at(0).operation, "getattr");
  EXPECT_EQ(seen.at(0).inode, 3U);
  EXPECT_EQ(seen.at(0).waits_for, "cache read");
  EXPECT_TRUE(waiting_threads(Waiting::Time::clock::now() - std::chrono::seconds(10)).empty());
  opened.set_value();
  hanging.join();
}

}  // namespace
}  // namespace granary
