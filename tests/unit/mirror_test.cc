#include "server/mirror.h"

#include <gmock/gmock.h>

#include "server/checker.h"
#include "tests/support/test_repo.h"

namespace granary {
namespace {

using testing::HasSubstr;

MirrorOptions options_for(const TestRepo& repo, const std::string& name = "mirror") {
  MirrorOptions options;
  options.source = "file://" + repo.directory();
  options.destination = repo.scratch() + "/" + name;
  options.trust = *TrustFile::load(repo.trust_path());
  return options;
}

CheckReport check(const std::string& directory) {
  CheckOptions options;
  options.directory = directory;
  options.deep = true;
  return *check_repository(options);
}

TEST(MirrorTest, CopiesEverythingAndThenOnlyWhatIsNew) {
  TestRepo repo = TestRepo::with({{"a", random_text(1, 300'000)}});
  repo.publish({{"a", "2"}}, "main", "v1");
  const MirrorOptions options = options_for(repo);

  const auto first = mirror(options);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->new_snapshots, 2U);
  EXPECT_TRUE(check(options.destination).sound());

  EXPECT_EQ(mirror(options)->copied, 0U);
  repo.publish({{"a", "3"}});
  EXPECT_EQ(mirror(options)->new_snapshots, 1U);
  EXPECT_TRUE(check(options.destination).sound());
}

TEST(MirrorTest, RefusesASourceThatIsBehind) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const Bytes old = *read_file(repo.directory() + "/head.json", kMaxHeadBytes);
  repo.publish({{"a", "2"}});
  const MirrorOptions options = options_for(repo);
  ASSERT_TRUE(mirror(options));
  ASSERT_TRUE(replace_file(repo.directory() + "/head.json", old, 0644, Durability::kFast));

  EXPECT_EQ(mirror(options).error().code, Code::kRollback);
  EXPECT_TRUE(check(options.destination).sound());
}

TEST(MirrorTest, RefusesACorruptObjectByNameAndWritesNoHead) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const std::string object = repo.object_files().front();
  const Bytes saved = *read_file(repo.directory() + "/" + object, kMaxObjectFileBytes);
  Bytes bad = saved;
  bad.back() = static_cast<char>(bad.back() ^ 1);
  ASSERT_TRUE(replace_file(repo.directory() + "/" + object, bad, 0644, Durability::kFast));
  const MirrorOptions options = options_for(repo);

  const auto refused = mirror(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kCorrupt);
  EXPECT_THAT(refused.error().message, HasSubstr(object.substr(11)));
  EXPECT_FALSE(exists(options.destination + "/head.json"));

  ASSERT_TRUE(replace_file(repo.directory() + "/" + object, saved, 0644, Durability::kFast));
  EXPECT_TRUE(mirror(options));
}

TEST(MirrorTest, APartialMirrorIsSoundThoughTheRestIsAbsent) {
  TestRepo repo = TestRepo::with({{"a", random_text(1, 200'000)}});
  repo.publish({{"a", "2"}}, "main", "v1");
  repo.publish({{"a", random_text(3, 200'000)}});
  MirrorOptions options = options_for(repo);
  options.tags = {"v1"};

  const auto mirrored = mirror(options);
  ASSERT_TRUE(mirrored) << mirrored.error().message;
  EXPECT_EQ(mirrored->snapshots, 1U);
  const CheckReport report = check(options.destination);
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.snapshots, 1U);
}

TEST(MirrorTest, IsNoPlaceToPublishTo) {
  TestRepo repo = TestRepo::with({{"a", "1"}});
  const MirrorOptions options = options_for(repo);
  ASSERT_TRUE(mirror(options));

  const auto opened = Repository::open(options.destination);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("is a mirror"));
}

TEST(MirrorTest, IsOfOneRepositoryForEver) {
  TestRepo one = TestRepo::with({{"a", "1"}});
  TestRepo other = TestRepo::with({{"a", "1"}});
  MirrorOptions options = options_for(one);
  ASSERT_TRUE(mirror(options));
  options.source = "file://" + other.directory();

  EXPECT_EQ(mirror(options).error().code, Code::kWrongRepository);
}

}  // namespace
}  // namespace granary
