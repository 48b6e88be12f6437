#include "server/checker.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/support/test_repo.h"

namespace granary {
namespace {

using testing::HasSubstr;

CheckReport check(const TestRepo& repo, bool deep = true) {
  CheckOptions options;
  options.directory = repo.directory();
  options.deep = deep;
  options.jobs = 2;
  auto report = check_repository(options);
  EXPECT_TRUE(report) << report.error().message;
  return report ? *report : CheckReport{};
}

std::string largest(const TestRepo& repo) {
  const auto size = [&](const std::string& name) {
    return read_file(repo.directory() + "/" + name, kMaxObjectFileBytes)->size();
  };
  const auto names = repo.object_files();
  return *std::max_element(names.begin(), names.end(), [&](const auto& a, const auto& b) { return size(a) < size(b); });
}

TEST(CheckerTest, ASoundRepositoryIsSound) {
  TestRepo repo = TestRepo::with({{"etc/motd", "hi"}, {"bin/tool", random_text(1, 300'000)}});
  repo.publish({{"etc/motd", "bye"}}, "main", "v1");
  repo.publish({{"x", "y"}}, "other");

  const CheckReport report = check(repo);

  EXPECT_TRUE(report.sound()) << report.faults.front().thing << ": " << report.faults.front().what;
  EXPECT_EQ(report.records, 4U);
  EXPECT_EQ(report.snapshots, 3U);
  EXPECT_EQ(report.contents, 4U);
  EXPECT_EQ(report.orphans, 0U);
}

TEST(CheckerTest, AMissingObjectIsToldWithThePathsThatItTouches) {
  TestRepo repo = TestRepo::with({{"bin/tool", random_text(1, 100'000)}, {"etc/motd", "hi"}});
  ASSERT_TRUE(remove_tree(repo.directory() + "/" + largest(repo)));

  const CheckReport report = check(repo, false);

  ASSERT_EQ(report.faults.size(), 1U);
  EXPECT_EQ(report.faults[0].what, "is missing");
  ASSERT_FALSE(report.faults[0].touched.empty());
  EXPECT_THAT(report.faults[0].touched[0].names, testing::ElementsAre("branch main"));
  EXPECT_TRUE(std::any_of(report.faults[0].touched.begin(), report.faults[0].touched.end(),
                          [](const Fault::Place& place) { return place.path == "/bin/tool"; }));
}

TEST(CheckerTest, EveryMissingObjectIsAFault) {
  TestRepo repo = TestRepo::with({{"a", random_text(1, 5000)}});
  repo.publish({{"a", random_text(2, 200'000)}}, "main", "v1");
  for (const std::string& name : repo.object_files()) {
    const std::string path = repo.directory() + "/" + name;
    const Bytes saved = *read_file(path, kMaxObjectFileBytes);
    ASSERT_TRUE(remove_tree(path));
    EXPECT_FALSE(check(repo, false).sound()) << name;
    ASSERT_TRUE(replace_file(path, saved, 0644, Durability::kFast));
  }
  EXPECT_TRUE(check(repo).sound());
}

TEST(CheckerTest, AnObjectOfOtherBytesIsFoundByADeepCheck) {
  TestRepo repo = TestRepo::with({{"a", random_text(1, 5000)}});
  const std::string name = largest(repo);
  ASSERT_TRUE(replace_file(repo.directory() + "/" + name, encode_object(random_text(3, 5000), {Codec::kNone, 0}), 0644,
                           Durability::kFast));

  EXPECT_FALSE(check(repo, true).sound());
}

TEST(CheckerTest, AMissingLogRecordIsAFaultAndTheRestIsCheckedAllTheSame) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  repo.publish({{"a", "2"}});
  ASSERT_TRUE(remove_tree(repo.directory() + "/log/2.json"));

  const CheckReport report = check(repo);

  ASSERT_EQ(report.faults.size(), 1U);
  EXPECT_EQ(report.faults[0].thing, "log/2.json");
  EXPECT_EQ(report.snapshots, 2U);
}

TEST(CheckerTest, AHeadThatNobodySignedIsAFault) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const std::string path = repo.directory() + "/head.json";
  HeadBundle bundle = *HeadBundle::parse(*read_file(path, kMaxHeadBytes));
  bundle.record.signatures.clear();
  ASSERT_TRUE(replace_file(path, bundle.serialise(), 0644, Durability::kFast));

  const CheckReport report = check(repo);

  ASSERT_EQ(report.faults.size(), 1U);
  EXPECT_EQ(report.faults[0].thing, "head.json");
}

TEST(CheckerTest, WhatNothingReachesIsNoFault) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const Bytes plain = "left over";
  ASSERT_TRUE(repo.repository().store().put(Digest::of(plain), encode_object(plain, {})));

  const CheckReport report = check(repo);

  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.orphans, 1U);
}

TEST(CheckerTest, SomethingElseIsNoRepository) {
  const auto directory = TemporaryDirectory::make();
  CheckOptions options;
  options.directory = directory->path();

  EXPECT_EQ(check_repository(options).error().code, Code::kNotARepository);
}

}  // namespace
}  // namespace granary
