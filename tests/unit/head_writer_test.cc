#include "server/head_writer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "fs/base/file.h"
#include "server/root_editor.h"

namespace granary {
namespace {

constexpr UnixSeconds kNow = 1'800'000'000;

TEST(HeadWriter, MakesARepositoryThatAClientBelieves) {
  const auto directory = *TemporaryDirectory::make();
  NewRepositoryOptions options;
  options.name = "sw.example.org";
  options.keys = directory.path() + "/keys";
  options.now = kNow;
  const auto repository = create_repository(options);
  ASSERT_TRUE(repository) << repository.error().message;

  Seen seen;
  const TrustFile trust = *TrustFile::parse(repository->trust.serialise());
  const auto head = verify_head(repository->head.serialise(), trust, {TrustPolicy::Freshness::kRequired, kNow}, seen);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->record().revision, 1U);
  EXPECT_EQ(head->record().names, Digest::of(repository->names));
  EXPECT_EQ(seen.revision, 1U);
  EXPECT_TRUE(Names::parse(repository->names));
}

TEST(HeadWriter, NeverMakesKeysWhereKeysAre) {
  const auto directory = *TemporaryDirectory::make();
  NewRepositoryOptions options;
  options.name = "sw.example.org";
  options.keys = directory.path() + "/keys";
  ASSERT_TRUE(create_repository(options));
  EXPECT_EQ(create_repository(options).error().code, Code::kConflict);
}

TEST(HeadWriter, RefusesARootThatItsKeysCannotReach) {
  NewRepositoryOptions options;
  options.name = "sw.example.org";
  options.keys = "never-made";
  options.root_keys = 1;
  options.root_threshold = 2;
  EXPECT_EQ(create_repository(options).error().code, Code::kInvalid);
  EXPECT_FALSE(exists("never-made"));
}

TEST(HeadWriter, ASecondRecordFollowsTheFirst) {
  const auto directory = *TemporaryDirectory::make();
  NewRepositoryOptions options;
  options.name = "sw.example.org";
  options.keys = directory.path() + "/keys";
  options.now = kNow;
  const auto repository = *create_repository(options);
  const KeyDirectory keys(options.keys);
  const Signers release = *keys.load_release();
  const Signers timestamp = *keys.load_timestamp();
  HeadWriter writer(*verify_self_signed(repository.trust.root), release, timestamp);
  const Record first = *Record::parse(repository.head.record.payload);

  Record second = *successor_of(first, repository.head.record.digest(), kNow + 60, nullptr);
  Statement statement;
  statement.repository = first.repository;
  statement.name = statement.branch = "main";
  statement.sequence = second.revision;
  statement.time = kNow + 60;
  statement.snapshot = Digest::of("snapshot");
  second.branches["main"] = *writer.sign_statement(statement, std::nullopt);
  const auto bundle = writer.make_bundle(repository.head.roots, second, kNow + 60, kTimestampValiditySeconds);
  ASSERT_TRUE(bundle) << bundle.error().message;

  Seen seen;
  const auto head =
      verify_head(bundle->serialise(), repository.trust, {TrustPolicy::Freshness::kRequired, kNow + 60}, seen);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->resolve_branch("main", seen)->snapshot, Digest::of("snapshot"));
  EXPECT_EQ(head->resolve_branch("other", seen).error().code, Code::kNotFound);

  const auto renewed = writer.renew(*bundle, kNow + 3600);
  ASSERT_TRUE(renewed) << renewed.error().message;
  EXPECT_EQ(Timestamp::parse(renewed->timestamp.payload)->expires, kNow + 3600 + kTimestampValiditySeconds);
}

}  // namespace
}  // namespace granary
