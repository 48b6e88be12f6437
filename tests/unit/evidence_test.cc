#include "builder/cook/evidence.h"

#include <gmock/gmock.h>

#include "builder/archive/apt_archives.h"
#include "builder/recipe/recipe_json.h"
#include "fs/base/file.h"
#include "server/cook_branches.h"
#include "tests/support/test_repo.h"

namespace granary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// An archive with one suite, one index, two packages; all of it made up.
class FakeArchive : public PackageSource {
 public:
  explicit FakeArchive(std::string directory) : directory_(std::move(directory)) {}
  Bytes release = "signed release";
  int asked = 0;

  Result<Bytes> inrelease(const RecipeArchive&) override {
    ++asked;
    return release;
  }
  Result<Bytes> keyring(const RecipeArchive& archive) override { return "keys of " + archive.name; }
  Result<Bytes> index(const RecipeArchive&, const LockedIndex&) override { return Bytes("index"); }
  Result<std::vector<std::string>> packages(const Lock& lock, std::span<const uint32_t> numbers,
                                            const std::function<void(const FetchProgress&)>&) override {
    ++asked;
    std::vector<std::string> paths;
    for (const uint32_t number : numbers) {
      paths.push_back(directory_ + "/" + lock.packages[number].name + ".deb");
      TRY(replace_file(paths.back(), "bytes of " + lock.packages[number].name, 0600, Durability::kFast));
    }
    return paths;
  }

 private:
  const std::string directory_;
};

class EvidenceTest : public testing::Test {
 protected:
  EvidenceTest() {
    lock_.architecture = "amd64";
    lock_.source_date_epoch = 1'700'000'000;
    lock_.recipe.name = "web";
    lock_.recipe.suite = "bookworm";
    lock_.recipe.wishes = {{"web", {"bash"}, {}}};
    lock_.recipe_digest = recipe_digest(lock_.recipe);
    LockedRelease release;
    release.archive = "debian";
    release.suite = release.codename = "bookworm";
    release.date = lock_.source_date_epoch;
    release.inrelease = Digest::of("signed release");
    release.signers = {"0123456789ABCDEF0123456789ABCDEF01234567"};
    lock_.releases = {release};
    LockedIndex index;
    index.path = "main/binary-amd64/Packages.xz";
    index.size_bytes = 5;
    index.digest = Digest::of("index");
    lock_.indices = {index};
    lock_.layers = {"core"};
    for (const std::string name : {"base-files", "bash"}) {
      LockedPackage package;
      package.name = name;
      package.version = "1";
      package.architecture = "amd64";
      package.path = "pool/" + name + "_1_amd64.deb";
      package.size_bytes = ("bytes of " + name).size();
      package.digest = Digest::of("bytes of " + name);
      lock_.packages.push_back(package);
    }
    lock_.package_count = 2;
    lock_.solver = "none 1";
    options_.cache = repo_.scratch() + "/cache";
    options_.recipe_text = "packages = [\"bash\"]\n";
  }

  Result<bool> store(bool archive, PackageSource* source) {
    options_.archive = archive;
    return store_evidence(repo_.repository(), lock_, snapshot_, source, options_);
  }
  Result<std::unique_ptr<Evidence>> open(PackageSource* fallback = nullptr) {
    return Evidence::open(repo_.repository(), snapshot_, repo_.scratch(), fallback);
  }
  uint64_t revision() { return repo_.repository().read()->record.revision; }

  TestRepo repo_ = TestRepo::with({{"a", "1"}});
  const SnapshotId snapshot_ = repo_.repository().read()->branch("main")->snapshot;
  FakeArchive archive_{repo_.scratch()};
  Lock lock_;
  EvidenceOptions options_;
};

TEST_F(EvidenceTest, WhatWasArchivedIsHandedBack) {
  const auto stored = store(true, &archive_);
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_TRUE(*stored);
  const auto evidence = open();
  ASSERT_TRUE(evidence) << evidence.error().message;
  EXPECT_EQ((*evidence)->lock(), lock_);
  EXPECT_THAT((*evidence)->missing(), IsEmpty());
  const RecipeArchive archive = archive_of(lock_, lock_.releases[0]);
  EXPECT_EQ((*evidence)->inrelease(archive).value_or(""), "signed release");
  EXPECT_EQ((*evidence)->keyring(archive).value_or(""), "keys of debian");
  EXPECT_EQ((*evidence)->index(archive, lock_.indices[0]).value_or(""), "index");
  const std::vector<uint32_t> numbers{1, 0};
  const auto paths = (*evidence)->packages(lock_, numbers, [](const FetchProgress&) {});
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(read_file((*paths)[0], 100).value_or(""), "bytes of bash");
  EXPECT_EQ(read_file((*paths)[1], 100).value_or(""), "bytes of base-files");
}

TEST_F(EvidenceTest, WithoutArchivingTheLockAndTheRecipeAreKept) {
  EXPECT_EQ(store(false, nullptr).value_or(true), false);
  const auto evidence = open();
  ASSERT_TRUE(evidence) << evidence.error().message;
  EXPECT_EQ((*evidence)->lock(), lock_);
  EXPECT_THAT((*evidence)->missing(), SizeIs(5));  // release, index, keys, two packages
}

TEST_F(EvidenceTest, TheSameIsKeptOnceAndCompletedLater) {
  ASSERT_TRUE(store(false, nullptr));
  const uint64_t before = revision();
  EXPECT_EQ(store(false, nullptr).value_or(true), false);
  EXPECT_EQ(revision(), before);
  EXPECT_EQ(store(true, &archive_).value_or(false), true);
  EXPECT_THAT((*open())->missing(), IsEmpty());
  const int asked = archive_.asked;
  EXPECT_EQ(store(true, &archive_).value_or(false), true);
  EXPECT_EQ(store(false, nullptr).value_or(false), true);  // still all there
  EXPECT_EQ(archive_.asked, asked);
}

TEST_F(EvidenceTest, AReleaseThatTheArchiveHasReplacedIsTakenFromWhatWasNoted) {
  archive_.release = "a newer one";
  const auto refused = store(true, &archive_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("lock again"));
  keep_inrelease(options_.cache, "signed release");
  EXPECT_TRUE(store(true, &archive_));
}

TEST_F(EvidenceTest, WhatIsMissingMayComeFromTheArchive) {
  ASSERT_TRUE(store(false, nullptr));
  const std::vector<uint32_t> numbers{0, 1};
  const auto nothing = (*open())->packages(lock_, numbers, [](const FetchProgress&) {});
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, Code::kNotFound);
  EXPECT_THAT(nothing.error().message, HasSubstr("package base-files"));
  const auto fetched = (*open(&archive_))->packages(lock_, numbers, [](const FetchProgress&) {});
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(read_file((*fetched)[1], 100).value_or(""), "bytes of bash");
}

TEST_F(EvidenceTest, AnUncookedSnapshotHasNone) {
  const auto none = open();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kNotFound);
  EXPECT_THAT(none.error().message, HasSubstr("nothing was kept"));
}

TEST_F(EvidenceTest, OtherBytesThanTheLockNamesAreRefused) {
  lock_.packages[1].digest = Digest::of("something else");
  ASSERT_TRUE(store(true, &archive_));
  const std::vector<uint32_t> numbers{1};
  const auto bad = (*open())->packages(lock_, numbers, [](const FetchProgress&) {});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::kCorrupt);
}

TEST_F(EvidenceTest, PathsThatLeaveTheEvidenceAreRefused) {
  lock_.packages[1].path = "../../../../etc/passwd";
  const auto stored = store(true, &archive_);
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace granary
