#include "fs/client/mount_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fetch_world.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

using testing::HasSubstr;

class MountJobsTest : public testing::Test {
 protected:
  MountJobsTest() {
    catalog_ = world_.publish({put_directory("usr"), world_.file("usr/a", "hello"), world_.file("b", "world")});
    jobs_.emplace(PrefetchJob::What{catalog_, {}, {}, "uuid", {}}, world_.cache_directory(), *world_.fetcher,
                  *world_.cache);
    answer_jobs(control_, *jobs_);
  }
  std::string ask(const std::string& question) {
    const auto answer = control_.answer(question);
    return answer ? *answer : "refused: " + answer.error().message;
  }
  bool becomes(const std::string& number, const std::string& step) {
    return eventually([&] { return ask("job " + number).find("\"step\":\"" + step + "\"") != std::string::npos; });
  }

  FetchWorld world_;
  CatalogId catalog_;
  MountControl control_;
  std::optional<MountJobs> jobs_;
};

TEST_F(MountJobsTest, AJobIsStartedAskedAboutAndDone) {
  const std::string number = ask("prefetch " + to_hex("usr"));
  EXPECT_TRUE(becomes(number, "done"));
  EXPECT_TRUE(world_.cache->holds(ObjectId::of("hello")));
  EXPECT_FALSE(world_.cache->holds(ObjectId::of("world")));
  EXPECT_TRUE(becomes(ask("prefetch"), "done"));  // the whole snapshot
  EXPECT_TRUE(world_.cache->holds(ObjectId::of("world")));
}

TEST_F(MountJobsTest, APinIsKeptInTheCacheDirectory) {
  EXPECT_TRUE(becomes(ask("pin " + to_hex("usr/a")), "done"));
  EXPECT_EQ(PinBook(world_.cache_directory()).read()->pins.at(0).path, "usr/a");
}

TEST_F(MountJobsTest, WhatMakesNoSenseIsRefused) {
  EXPECT_THAT(ask("prefetch /usr"), HasSubstr("refused: not a path in hexadecimal"));
  EXPECT_THAT(ask("job 7"), HasSubstr("refused: no job 7"));
  EXPECT_THAT(ask("job x"), HasSubstr("refused: not a job's number"));
  EXPECT_THAT(ask("stop"), HasSubstr("refused: "));
  EXPECT_TRUE(becomes(ask("prefetch " + to_hex("nowhere")), "failed"));
}

TEST_F(MountJobsTest, OnlyAFewRunAtOnceAndTheOldestAreForgotten) {
  world_.transport->hold(ObjectId::of("hello"));
  std::vector<std::string> numbers;
  for (int i = 0; i < 4; ++i) numbers.push_back(ask("prefetch " + to_hex("usr")));
  EXPECT_THAT(ask("prefetch"), HasSubstr("refused: 4 jobs are under way"));
  EXPECT_EQ(ask("stop " + numbers.front()), "stopped");
  EXPECT_TRUE(becomes(numbers.front(), "failed"));
  world_.transport->release_all();
  EXPECT_TRUE(becomes(numbers.back(), "done"));
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(becomes(ask("prefetch"), "done"));
  EXPECT_THAT(ask("job " + numbers.front()), HasSubstr("refused: no job"));
}

TEST_F(MountJobsTest, WhatIsUnderWayEndsWithTheMount) {
  world_.transport->hold(ObjectId::of("hello"));
  ask("prefetch");
  EXPECT_TRUE(eventually([&] { return world_.transport->waiting() > 0; }));
  jobs_.reset();
  world_.transport->release_all();
}

}  // namespace
}  // namespace granary
