#include "builder/cook/workplace.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

namespace granary {
namespace {

size_t workplaces_in(const std::string& cache) {
  size_t count = 0;
  for (const auto& item : std::filesystem::directory_iterator(cache + "/work")) count += item.is_directory();
  return count;
}

class WorkplaceTest : public testing::Test {
 protected:
  const TemporaryDirectory directory_ = *TemporaryDirectory::make();
  const std::string cache_ = directory_.path() + "/cache";
};

TEST_F(WorkplaceTest, GoesWithItsOwner) {
  {
    const auto place = Workplace::make(cache_);
    ASSERT_TRUE(place) << place.error().message;
    EXPECT_TRUE(exists(place->upper()));
    EXPECT_EQ(workplaces_in(cache_), 1U);
  }
  EXPECT_EQ(workplaces_in(cache_), 0U);
}

TEST_F(WorkplaceTest, ThoseOfTheDeadAreSweptAndThoseOfTheLivingAreNot) {
  const auto living = Workplace::make(cache_);
  ASSERT_TRUE(living);
  const pid_t other = ::fork();
  if (other == 0) {
    const auto place = Workplace::make(cache_);
    ::_exit(place ? 0 : 1);  // as if killed: nothing is taken away
  }
  int status = 0;
  ::waitpid(other, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(workplaces_in(cache_), 2U);
  const auto next = Workplace::make(cache_);
  ASSERT_TRUE(next);
  EXPECT_EQ(workplaces_in(cache_), 2U);
  EXPECT_TRUE(exists(living->upper()));
}

TEST_F(WorkplaceTest, OneThatIsBeingTakenAwayIsNotTakenForDead) {
  const pid_t other = ::fork();
  if (other == 0) {
    for (int i = 0; i < 20; ++i) {
      if (!Workplace::make(cache_)) ::_exit(1);
    }
    ::_exit(0);
  }
  for (int i = 0; i < 20; ++i) {
    const auto place = Workplace::make(cache_);
    EXPECT_TRUE(place) << place.error().message;
  }
  int status = 0;
  ::waitpid(other, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(workplaces_in(cache_), 0U);
}

TEST_F(WorkplaceTest, TheLastFailureIsKeptAndNoOther) {
  EXPECT_EQ(Workplace::last_failure(cache_).error().code, Code::kNotFound);
  const auto fail = [&](const std::string& layer) {
    auto place = Workplace::make(cache_);
    KeptFailure failure;
    failure.repository = "/srv/sw";
    failure.layer = layer;
    failure.lower = Digest::of(layer);
    failure.message = "it \xff broke";
    EXPECT_TRUE(place->keep(failure));
  };
  fail("first");
  fail("second");
  EXPECT_EQ(workplaces_in(cache_), 1U);
  EXPECT_TRUE(Workplace::make(cache_));  // sweeps
  const auto kept = Workplace::last_failure(cache_);
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->layer, "second");
  EXPECT_EQ(kept->repository, "/srv/sw");
  EXPECT_EQ(kept->lower, Digest::of("second"));
  EXPECT_EQ(kept->message, "it \xff broke");
}

}  // namespace
}  // namespace granary
