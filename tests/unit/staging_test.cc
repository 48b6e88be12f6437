#include "server/staging.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <filesystem>

#include "server/object_pipeline.h"

namespace granary {
namespace {

struct StagingTest : testing::Test {
  TemporaryDirectory repository = std::move(*TemporaryDirectory::make());
  DirStore store{repository.path()};

  static ObjectId put(ObjectStore& to, const Bytes& plain) {
    EXPECT_TRUE(to.put(ObjectId::of(plain), encode_object(plain, {})));
    return ObjectId::of(plain);
  }
  size_t stagings() const {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(repository.path() + "/.granary/staging"))
      count += entry.is_directory();
    return count;
  }
};

TEST_F(StagingTest, ObjectsLieApartUntilTheCommit) {
  auto staging = *Staging::begin(repository.path());
  const ObjectId id = put(*staging, "grain");
  EXPECT_TRUE(*staging->has(id));
  EXPECT_FALSE(*store.has(id));
  ASSERT_TRUE(staging->commit());
  EXPECT_TRUE(*store.has(id));
  EXPECT_EQ(**StoreReader(store).read(id), "grain");
  EXPECT_EQ(**StoreReader(*staging).read(id), "grain");
}

TEST_F(StagingTest, DroppedWithoutCommitItLeavesNothing) {
  auto staging = *Staging::begin(repository.path());
  const ObjectId id = put(*staging, "chaff");
  staging.reset();
  EXPECT_FALSE(*store.has(id));
  EXPECT_EQ(stagings(), 0u);
}

TEST_F(StagingTest, TheRepositoryShinesThroughAndIsNotStoredAgain) {
  const ObjectId id = put(store, "old");
  auto staging = *Staging::begin(repository.path());
  EXPECT_EQ(**StoreReader(*staging).read(id), "old");
  put(*staging, "old");
  EXPECT_FALSE(exists(staging->scratch() + "/../objects"));
}

TEST_F(StagingTest, AnotherPublishMayHaveStoredTheSameMeanwhile) {
  auto one = *Staging::begin(repository.path());
  auto other = *Staging::begin(repository.path());
  const ObjectId id = put(*one, "same");
  put(*other, "same");
  ASSERT_TRUE(one->commit());
  ASSERT_TRUE(other->commit());
  EXPECT_EQ(**StoreReader(store).read(id), "same");
}

TEST_F(StagingTest, WhatGarbageCollectionTookAwayIsNoticed) {
  const ObjectId id = put(store, "unreferenced");
  auto staging = *Staging::begin(repository.path());
  EXPECT_TRUE(*staging->has(id));
  EXPECT_TRUE(staging->confirm());
  std::filesystem::remove(store.path_of(id));
  EXPECT_EQ(staging->confirm().error().code, Code::kConflict);
}

TEST_F(StagingTest, OnlyTheStagingsOfDeadProcessesAreSwept) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto staging = *Staging::begin(repository.path());
    put(*staging, "lost");
    ::_exit(0);  // as if killed: no destructor runs
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(stagings(), 1u);
  auto living = *Staging::begin(repository.path());  // sweeps the dead one
  EXPECT_EQ(stagings(), 1u);
  EXPECT_EQ(*sweep_dead_stagings(repository.path()), 0u);
  const ObjectId id = put(*living, "kept");
  ASSERT_TRUE(living->commit());
  EXPECT_TRUE(*store.has(id));
}

TEST_F(StagingTest, ThePipelineEncodesWhatIsNewAndOnlyThat) {
  const ObjectId old = put(store, "old");
  auto staging = *Staging::begin(repository.path());
  ObjectPipeline pipeline(*staging, {}, 2);
  EXPECT_EQ(*pipeline.write("old"), old);
  std::vector<ObjectId> ids;
  for (int i = 0; i < 200; ++i) {
    ids.push_back(*pipeline.write(Bytes(10'000, static_cast<char>(i % 100))));
    EXPECT_EQ((**pipeline.read(ids.back())).size(), 10'000u);
  }
  ASSERT_TRUE(pipeline.flush());
  const auto counters = pipeline.counters();
  EXPECT_EQ(counters.new_objects, 100u);
  EXPECT_EQ(counters.known_objects, 1u);
  EXPECT_EQ(counters.new_plain_bytes, 1'000'000u);
  EXPECT_LT(counters.new_bytes, 100'000u);
  for (const ObjectId& id : ids) EXPECT_TRUE(*staging->has(id));
}

TEST_F(StagingTest, AFailureOfTheStoreReachesTheWriter) {
  struct FullStore : ObjectStore {
    Result<Bytes> get(const ObjectId&) override { return Error{Code::kNotFound, "nothing here"}; }
    Result<bool> has(const ObjectId&) override { return false; }
    Status put(const ObjectId&, ByteView) override { return Error{Code::kNoSpace, "disk full"}; }
    Status sync() override { return Done{}; }
  } full;
  ObjectPipeline pipeline(full, {}, 2);
  for (int i = 0; i < 10; ++i) static_cast<void>(pipeline.write(str(i)));
  EXPECT_EQ(pipeline.flush().error().code, Code::kNoSpace);
  EXPECT_EQ(pipeline.write("more").error().code, Code::kNoSpace);
}

}  // namespace
}  // namespace granary
