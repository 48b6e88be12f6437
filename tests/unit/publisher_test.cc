#include "server/publisher.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "fs/base/file.h"

namespace granary {
namespace {

// A repository and a source directory of small files.
struct PublisherTest : testing::Test {
  TemporaryDirectory directory = std::move(*TemporaryDirectory::make());
  const std::string source = directory.path() + "/source";
  std::unique_ptr<Repository> repository;

  void SetUp() override {
    InitOptions init;
    init.directory = directory.path() + "/repository";
    init.keys_directory = directory.path() + "/keys";
    init.name = "test.example.org";
    const auto made = init_repository(init);
    ASSERT_TRUE(made) << made.error().message;
    repository = *Repository::open(init.directory);
    std::filesystem::create_directory(source);
  }
  void write(const std::string& path, const Bytes& bytes) const {
    std::filesystem::create_directories(std::filesystem::path(source + "/" + path).parent_path());
    std::ofstream(source + "/" + path, std::ios::binary) << bytes;
  }
  Result<Published> publish_source() {
    PublishOptions options;
    options.source = source;
    options.jobs = 2;
    return publish(*repository, options, {});
  }
  // Every check there is of the catalog's rows; the tree digest recomputed.
  Digest check(const Published& published) {
    const auto catalog = *Catalog::open(published.catalog, repository->objects());
    const auto digest = check_catalog(*catalog, repository->objects(), [](const Bytes& path, const std::string& what) {
      ADD_FAILURE() << "/" << printable(path) << ": " << what;
    });
    return digest ? *digest : Digest();
  }
};

TEST_F(PublisherTest, AnUnchangedSourceIsNotCommittedAgain) {
  write("etc/motd", "hi\n");
  const auto first = publish_source();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->changed);
  const auto again = publish_source();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->changed);
  EXPECT_EQ(again->snapshot, first->snapshot);
}

TEST_F(PublisherTest, ReleasesThatLeaveSparsePacksAreRePackedWithTheSameTree) {
  for (int i = 0; i < 120; ++i) write(str("lib/part", 100 + i), str(i) + Bytes(8000, static_cast<char>('a' + i % 26)));
  const Published first = *publish_source();
  // Of every pack two thirds change, so that what remains lies in sparse packs when the next release comes.
  for (int i = 0; i < 120; ++i) {
    if (i % 3 != 0) write(str("lib/part", 100 + i), str("new ", i) + Bytes(8000, static_cast<char>('a' + i % 26)));
  }
  const auto second = publish_source();
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(check(*second), second->tree);

  const auto before = *Catalog::open(first.catalog, repository->objects());
  const auto after = *Catalog::open(second->catalog, repository->objects());
  const Entry old_entry = *before->resolve("lib/part100"), new_entry = *after->resolve("lib/part100");
  EXPECT_EQ(new_entry.inode, old_entry.inode);
  EXPECT_NE(new_entry.slices, old_entry.slices);
  const SharedBytes pack = *repository->objects().read(new_entry.slices.at(0).object);
  EXPECT_EQ(Digest::of(ByteView(*pack).substr(new_entry.slices[0].offset_bytes, new_entry.slices[0].length_bytes)),
            new_entry.node.digest);

  const auto third = publish_source();
  ASSERT_TRUE(third) << third.error().message;
  EXPECT_FALSE(third->changed);
}

}  // namespace
}  // namespace granary
