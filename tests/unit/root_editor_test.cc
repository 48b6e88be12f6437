#include "server/root_editor.h"

#include <gtest/gtest.h>

#include "support/signed_world.h"

namespace granary {
namespace {

class RootEditorTest : public testing::Test {
 protected:
  Envelope proposal(const Root& root) { return Envelope::around(Root::kKind, root.serialise()); }

  SignedWorld world_;
  TestSigner fresh_{"fresh"};
  Root next_ = next_root(world_.root, world_.now + 60);
};

TEST_F(RootEditorTest, AKeyIsAddedOnce) {
  ASSERT_TRUE(add_key(next_, RoleName::kRelease, fresh_.public_key(), {std::vector<std::string>{"test"}, {}}));
  EXPECT_EQ(next_.version, 2U);
  EXPECT_EQ(*Root::parse(next_.serialise()), next_);
  EXPECT_EQ(add_key(next_, RoleName::kRelease, fresh_.public_key()).error().code, Code::kConflict);
  EXPECT_EQ(add_key(next_, RoleName::kRoot, fresh_.public_key(), {std::vector<std::string>{"test"}, {}}).error().code,
            Code::kInvalid);
}

TEST_F(RootEditorTest, ARevokedKeyLeavesTheRootAltogether) {
  ASSERT_TRUE(add_key(next_, RoleName::kRelease, fresh_.public_key()));
  ASSERT_TRUE(revoke_key(next_, world_.release_key.id()));
  EXPECT_FALSE(next_.keys.contains(world_.release_key.id()));
  EXPECT_TRUE(Root::parse(next_.serialise()));
  EXPECT_EQ(revoke_key(next_, world_.release_key.id()).error().code, Code::kNotFound);
}

TEST_F(RootEditorTest, TheLastKeyOfARoleIsNotRevoked) {
  EXPECT_EQ(revoke_key(next_, world_.release_key.id()).error().code, Code::kInvalid);
}

TEST_F(RootEditorTest, ARotatedKeyKeepsItsLimits) {
  TestSigner limited("limited");
  ASSERT_TRUE(add_key(next_, RoleName::kRelease, limited.public_key(), {{}, std::vector<Bytes>{"opt"}}));
  ASSERT_TRUE(rotate_key(next_, RoleName::kRelease, limited.id(), fresh_.public_key()));
  EXPECT_EQ(next_.release.find(fresh_.id())->paths, std::vector<Bytes>{"opt"});
  EXPECT_EQ(next_.release.find(limited.id()), nullptr);
  ASSERT_TRUE(rotate_key(next_, RoleName::kTimestamp, world_.timestamp_key.id(), fresh_.public_key()));
  EXPECT_EQ(next_.timestamp.keys.size(), 1U);
}

TEST_F(RootEditorTest, KeysAreFoundByTheStartOfTheirId) {
  const std::string id = world_.release_key.id().hex();
  EXPECT_EQ(*find_key(next_, id.substr(0, 8)), world_.release_key.id());
  EXPECT_EQ(find_key(next_, id.substr(0, 3)).error().code, Code::kInvalid);
  EXPECT_EQ(find_key(next_, "ffff0000ffff").error().code, Code::kNotFound);
}

TEST_F(RootEditorTest, AProposalTakesForceWhenTheOldAndTheNewKeepersHaveSigned) {
  ASSERT_TRUE(rotate_key(next_, RoleName::kRoot, world_.root_key.id(), fresh_.public_key()));
  Envelope envelope = proposal(next_);
  EXPECT_EQ(missing_signatures(world_.root, envelope)->of_current, 1U);
  EXPECT_EQ(missing_signatures(world_.root, envelope)->of_proposed, 1U);
  ASSERT_TRUE(envelope.sign(world_.root_key));
  EXPECT_EQ(missing_signatures(world_.root, envelope)->of_current, 0U);
  EXPECT_FALSE(verify_successor(world_.root, envelope));
  ASSERT_TRUE(envelope.sign(fresh_));
  EXPECT_TRUE(missing_signatures(world_.root, envelope)->none());
  EXPECT_TRUE(verify_successor(world_.root, envelope));
}

TEST_F(RootEditorTest, AThresholdIsMetByKeepersSigningInTurn) {
  TestSigner second("second");
  TestSigner third("third");
  ASSERT_TRUE(add_key(next_, RoleName::kRoot, second.public_key()));
  ASSERT_TRUE(add_key(next_, RoleName::kRoot, third.public_key()));
  ASSERT_TRUE(set_threshold(next_, RoleName::kRoot, 2));
  EXPECT_EQ(set_threshold(next_, RoleName::kRoot, 4).error().code, Code::kInvalid);
  Envelope envelope = proposal(next_);
  ASSERT_TRUE(envelope.sign(world_.root_key));
  EXPECT_EQ(missing_signatures(world_.root, envelope)->of_proposed, 1U);
  Envelope passed_on = *Envelope::parse(envelope.serialise());
  ASSERT_TRUE(passed_on.sign(third));
  EXPECT_TRUE(verify_successor(world_.root, passed_on));
}

TEST_F(RootEditorTest, AProposalForAnotherRootIsRefused) {
  EXPECT_EQ(missing_signatures(next_, proposal(next_)).error().code, Code::kInvalid);
  SignedWorld other("7c9e6679-7425-40de-944b-e07fc1f90ae7");
  EXPECT_EQ(missing_signatures(other.root, proposal(next_)).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace granary
