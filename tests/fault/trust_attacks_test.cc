// The attacks that the TUF specification lists, and those that our own log and limited keys invite. docs/security.md
// names these tests.
#include <gtest/gtest.h>

#include "fs/format/trust.h"
#include "support/signed_world.h"

namespace granary {
namespace {

using Freshness = TrustPolicy::Freshness;

class TrustAttacksTest : public testing::Test {
 protected:
  TrustAttacksTest() { world_.publish("main", "one"); }

  // A client's visit; what it remembers stays.
  Result<VerifiedHead> visit(const Bytes& head, Freshness freshness = Freshness::kRequired) {
    return verify_head(head, trust_, {freshness, world_.now}, seen_);
  }
  Result<VerifiedHead> visit() { return visit(world_.head()); }
  Result<VerifiedRelease> resolve(const std::string& branch) {
    const auto head = visit();
    return head ? head->resolve_branch(branch, seen_) : Result<VerifiedRelease>(head.error());
  }
  // The code of the error of a visit, kInternal when there is none.
  Code refusal(const Bytes& head) {
    const auto verified = visit(head);
    return verified ? Code::kInternal : verified.error().code;
  }
  template <class T>
  static Code refusal_of(const Result<T>& result) {
    return result ? Code::kInternal : result.error().code;
  }

  SignedWorld world_;
  TrustFile trust_ = world_.trust();
  Seen seen_;
};

TEST_F(TrustAttacksTest, AnHonestHeadIsBelieved) {
  const auto release = resolve("main");
  ASSERT_TRUE(release) << release.error().message;
  EXPECT_EQ(release->snapshot, Digest::of("snapshot one"));
  EXPECT_TRUE(release->constraints.empty());
  EXPECT_FALSE(visit()->stale_since());
}

// ---- rollback

TEST_F(TrustAttacksTest, RollbackOfTheRevisionIsRefused) {
  const Bytes old = world_.head();
  world_.publish("main", "two");
  ASSERT_TRUE(visit());
  EXPECT_EQ(refusal(old), Code::kRollback);
}

TEST_F(TrustAttacksTest, RollbackOfTheTimestampIsRefused) {
  const Bytes old = world_.head();
  world_.now += 3600;
  world_.renew();
  ASSERT_TRUE(visit());
  EXPECT_EQ(refusal(old), Code::kRollback);
}

TEST_F(TrustAttacksTest, RollbackOfOneBranchInANewRecordIsRefused) {
  const Envelope old = world_.record.branches.at("main");
  world_.publish("main", "two");
  ASSERT_TRUE(resolve("main"));
  world_.publish(old, "main");
  ASSERT_TRUE(visit());  // the record itself is new
  EXPECT_EQ(refusal_of(resolve("main")), Code::kRollback);
}

TEST_F(TrustAttacksTest, RollbackOfTheRootIsRefused) {
  const Bytes old = world_.head();
  world_.change_root([](Root&) {});
  ASSERT_TRUE(visit());
  EXPECT_EQ(refusal(old), Code::kRollback);
}

TEST_F(TrustAttacksTest, RollbackBelowTheTrustFilesMinimumIsRefused) {
  trust_.minimum_revision = 3;
  EXPECT_EQ(refusal(world_.head()), Code::kRollback);
}

TEST_F(TrustAttacksTest, RollbackBelowTheRootsMinimumIsRefused) {
  world_.change_root([](Root& root) { root.minimum_revision = 4; });
  EXPECT_EQ(refusal(world_.head()), Code::kRollback);
  world_.commit();
  EXPECT_TRUE(visit());
}

TEST_F(TrustAttacksTest, RollbackIsRefusedEvenWhenTheOfferedTimestampIsExpired) {
  const Bytes old = world_.head();
  world_.publish("main", "two");
  ASSERT_TRUE(visit());
  world_.now += 30 * 86400;
  EXPECT_EQ(refusal(old), Code::kRollback);
  EXPECT_EQ(refusal_of(visit(old, Freshness::kArchive)), Code::kRollback);
  EXPECT_EQ(refusal_of(visit(old, Freshness::kPinned)), Code::kRollback);
}

TEST_F(TrustAttacksTest, WhatAnExpiredHeadTaughtIsRememberedAllTheSame) {
  const Bytes old = world_.head();
  world_.publish("main", "two");
  const Bytes expired = world_.head();
  world_.now += 30 * 86400;
  ASSERT_EQ(refusal(expired), Code::kExpired);
  EXPECT_EQ(seen_.revision, 3U);
  EXPECT_EQ(refusal(old), Code::kRollback);
}

// ---- freeze

TEST_F(TrustAttacksTest, AFrozenHeadExpires) {
  const Bytes frozen = world_.head();
  world_.now += world_.validity_seconds - 1;
  EXPECT_TRUE(visit(frozen));
  world_.now += 1;
  EXPECT_EQ(refusal(frozen), Code::kExpired);
}

TEST_F(TrustAttacksTest, AClockThatIsBehindDoesNotFreshenWhatIsOlderThanTheNewestTimeSeen) {
  world_.now += 30 * 86400;
  world_.renew();
  ASSERT_TRUE(visit());
  world_.now += 1;
  world_.validity_seconds = -86400;  // made now, expired since yesterday
  world_.renew();
  world_.now = 0;
  EXPECT_EQ(refusal(world_.head()), Code::kExpired);
}

TEST_F(TrustAttacksTest, AnArchiveIsAcceptedAndSaysSinceWhenItIsStale) {
  const UnixSeconds expires = world_.now + world_.validity_seconds;
  world_.now += 3650 * 86400;
  const auto head = visit(world_.head(), Freshness::kArchive);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->stale_since(), expires);
  EXPECT_TRUE(head->resolve_branch("main", seen_));
}

TEST_F(TrustAttacksTest, APinnedMountAcceptsAStaleHeadButResolvesNoMovingName) {
  world_.now += 3650 * 86400;
  const auto head = visit(world_.head(), Freshness::kPinned);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_TRUE(head->stale_since());
  EXPECT_EQ(refusal_of(head->resolve_branch("main", seen_)), Code::kExpired);
  EXPECT_EQ(refusal_of(head->resolve_tag(world_.names.serialise(), "v1", seen_)), Code::kExpired);
}

TEST_F(TrustAttacksTest, AFreezeByHidingANewRootIsRefused) {
  world_.change_root([](Root&) {});
  world_.roots.pop_back();
  EXPECT_EQ(refusal(world_.head()), Code::kRollback);
}

// ---- fast-forward

TEST_F(TrustAttacksTest, AFastForwardIsRecoveredFromByReplacingTheReleaseKey) {
  const TestSigner fresh("release, after the theft");
  TestSigner& fresh_signer = const_cast<TestSigner&>(fresh);
  const Record honest = world_.record;
  const Envelope honest_envelope = world_.record_envelope;
  // The thief of the release key (and a renewing timestamp) makes clients see a revision that honest ones never reach.
  world_.record.revision = 1'000'001;
  world_.record.ancestors.clear();
  world_.sign_record();
  ASSERT_TRUE(visit());
  ASSERT_EQ(seen_.revision, 1'000'001U);

  world_.record = honest;
  world_.record_envelope = honest_envelope;
  ++world_.root.version;
  SignedWorld::forbid(world_.root, RoleName::kRelease, world_.release_key);
  SignedWorld::allow(world_.root, RoleName::kRelease, fresh_signer);
  world_.roots.push_back(signed_by(Envelope::around(Root::kKind, world_.root.serialise()), {&world_.root_key}));
  world_.now += 60;
  world_.record = *successor_of(honest, honest_envelope.digest(), world_.now, world_.fetch());
  world_.record.root_version = 2;
  world_.record.branches["main"] = signed_by(world_.statement("main", "two").to_envelope(), {&fresh_signer});
  world_.sign_record({&fresh_signer});
  const auto head = visit();
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(seen_.revision, 3U);
}

TEST_F(TrustAttacksTest, AFastForwardOfTheTimestampIsRecoveredFromByReplacingItsKey) {
  const UnixSeconds today = world_.now;
  world_.now += 100LL * 365 * 86400;
  world_.renew();
  ASSERT_TRUE(visit());
  world_.now = today;
  world_.renew();
  ASSERT_EQ(refusal(world_.head()), Code::kRollback);

  TestSigner fresh("timestamp, after the theft");
  world_.change_root([&](Root& root) {
    SignedWorld::forbid(root, RoleName::kTimestamp, world_.timestamp_key);
    SignedWorld::allow(root, RoleName::kTimestamp, fresh);
  });
  world_.renew({&fresh});
  EXPECT_TRUE(visit());
}

TEST_F(TrustAttacksTest, ARootThatChangesNoKeysKeepsTheMemory) {
  world_.publish("main", "two");
  ASSERT_TRUE(resolve("main"));
  const Record old = world_.record;
  world_.change_root([](Root& root) { root.minimum_revision = 1; });
  ASSERT_TRUE(visit());
  EXPECT_EQ(seen_.branches.at("main").sequence, 3U);
  world_.record = old;
  world_.record.root_version = 2;
  world_.sign_record();
  EXPECT_EQ(refusal(world_.head()), Code::kRollback);
}

// ---- mix and match

TEST_F(TrustAttacksTest, ATimestampOfAnotherRecordIsRefused) {
  const Envelope timestamp = world_.timestamp_envelope;
  world_.publish("main", "two");
  world_.timestamp_envelope = timestamp;
  EXPECT_EQ(refusal(world_.head()), Code::kMixAndMatch);
}

TEST_F(TrustAttacksTest, ARecordOfAnotherRootIsRefused) {
  const Envelope record = world_.record_envelope;
  const Envelope timestamp = world_.timestamp_envelope;
  world_.change_root([](Root&) {});
  world_.record_envelope = record;
  world_.timestamp_envelope = timestamp;
  EXPECT_EQ(refusal(world_.head()), Code::kMixAndMatch);
}

TEST_F(TrustAttacksTest, AStatementOfAnotherBranchIsRefused) {
  world_.publish("test", "untested");
  world_.publish(world_.record.branches.at("test"), "main");
  EXPECT_EQ(refusal_of(resolve("main")), Code::kMixAndMatch);
}

TEST_F(TrustAttacksTest, ATagsStatementPresentedAsABranchIsRefused) {
  world_.tag("v1", "one");
  world_.publish(world_.names.tags.at("v1"), "v1");
  EXPECT_EQ(refusal_of(resolve("v1")), Code::kMixAndMatch);
}

TEST_F(TrustAttacksTest, AStatementOfALaterRecordIsRefused) {
  Statement early = world_.statement("main", "two");
  early.sequence = 1000;
  world_.publish(signed_by(early.to_envelope(), {&world_.release_key}), "main");
  EXPECT_EQ(refusal_of(resolve("main")), Code::kMixAndMatch);
}

TEST_F(TrustAttacksTest, NamesOfAnotherRecordAreRefused) {
  world_.tag("v1", "one");
  const auto head = *visit();
  EXPECT_EQ(refusal_of(head.resolve_tag(Names().serialise(), "v1", seen_)), Code::kMixAndMatch);
  EXPECT_TRUE(head.resolve_tag(world_.names.serialise(), "v1", seen_));
}

// ---- endless data

TEST_F(TrustAttacksTest, EndlessDataIsRefusedBeforeItIsParsed) {
  EXPECT_EQ(refusal(Bytes(kMaxHeadBytes + 1, ' ')), Code::kEndlessData);
  EXPECT_EQ(refusal(Bytes(kMaxHeadBytes, '[')), Code::kCorrupt);
}

TEST_F(TrustAttacksTest, EndlessSignaturesAreRefused) {
  for (int i = 0; i < 100; ++i)
    world_.record_envelope.signatures.push_back({"ed25519", world_.release_key.id().hex(), Bytes(64, '\0')});
  EXPECT_EQ(refusal(world_.head()), Code::kCorrupt);
}

// ---- wrong repository

TEST_F(TrustAttacksTest, AnotherRepositorysRecordIsRefusedEvenUnderTheSameKeys) {
  const SignedWorld other("7c9e6679-7425-40de-944b-e07fc1f90ae7");
  world_.record_envelope = other.record_envelope;
  world_.timestamp_envelope = other.timestamp_envelope;
  EXPECT_EQ(refusal(world_.head()), Code::kWrongRepository);
}

TEST_F(TrustAttacksTest, AnotherRepositorysTimestampIsRefusedEvenUnderTheSameKeys) {
  SignedWorld other("7c9e6679-7425-40de-944b-e07fc1f90ae7");
  world_.timestamp_envelope = other.timestamp_envelope;
  EXPECT_EQ(refusal(world_.head()), Code::kWrongRepository);
}

TEST_F(TrustAttacksTest, AnotherRepositorysStatementIsRefusedEvenUnderTheSameKeys) {
  SignedWorld other("7c9e6679-7425-40de-944b-e07fc1f90ae7");
  other.publish("main", "evil");
  world_.publish(other.record.branches.at("main"), "main");
  EXPECT_EQ(refusal_of(resolve("main")), Code::kWrongRepository);
}

TEST_F(TrustAttacksTest, AnotherRepositorysWholeHeadIsRefused) {
  const SignedWorld other("7c9e6679-7425-40de-944b-e07fc1f90ae7");
  EXPECT_EQ(refusal(other.head()), Code::kWrongRepository);
}

// ---- equivocation

TEST_F(TrustAttacksTest, TwoRecordsUnderOneRevisionAreRefused) {
  ASSERT_TRUE(visit());
  world_.record.action = {{"do", "something else"}};
  world_.sign_record();
  EXPECT_EQ(refusal(world_.head()), Code::kEquivocation);
}

TEST_F(TrustAttacksTest, TwoRootsUnderOneVersionAreRefused) {
  SignedWorld split;  // the same keys and UUID
  split.publish("main", "one");
  split.change_root([](Root& root) { root.minimum_revision = 1; });
  world_.change_root([](Root&) {});
  ASSERT_TRUE(visit());
  EXPECT_EQ(refusal(split.head()), Code::kEquivocation);
}

TEST_F(TrustAttacksTest, TwoSnapshotsUnderOneSequenceAreRefused) {
  ASSERT_TRUE(resolve("main"));
  Statement other = world_.statement("main", "other");
  other.sequence = 2;
  world_.publish(signed_by(other.to_envelope(), {&world_.release_key}), "main");
  EXPECT_EQ(refusal_of(resolve("main")), Code::kEquivocation);
}

TEST_F(TrustAttacksTest, ARePointedTagIsRefused) {
  world_.tag("v1", "one");
  ASSERT_TRUE(visit()->resolve_tag(world_.names.serialise(), "v1", seen_));
  world_.tag("v1", "two");
  EXPECT_EQ(refusal_of(visit()->resolve_tag(world_.names.serialise(), "v1", seen_)), Code::kEquivocation);
}

// ---- signatures

TEST_F(TrustAttacksTest, ATamperedPayloadIsRefused) {
  Bytes& payload = world_.record_envelope.payload;
  payload[payload.find("\"revision\":2") + 11] = '3';
  EXPECT_EQ(refusal(world_.head()), Code::kUntrusted);
}

TEST_F(TrustAttacksTest, ATamperedTimestampIsRefused) {
  Bytes& payload = world_.timestamp_envelope.payload;
  payload[payload.find("\"expires\":\"20") + 12] = '9';
  EXPECT_EQ(refusal(world_.head()), Code::kUntrusted);
}

TEST_F(TrustAttacksTest, SignaturesAreCheckedBeforeThePayloadIsParsed) {
  world_.record_envelope.payload = "{not even JSON";
  EXPECT_EQ(refusal(world_.head()), Code::kUntrusted);
}

TEST_F(TrustAttacksTest, ADocumentOfAnotherKindIsRefusedThoughTheKeyIsRight) {
  world_.record_envelope = world_.record.branches.at("main");  // signed by the release role, too
  EXPECT_EQ(refusal(world_.head()), Code::kUntrusted);
}

TEST_F(TrustAttacksTest, AKindCannotBeRelabelled) {
  world_.record_envelope = world_.record.branches.at("main");
  world_.record_envelope.payload_type = "application/vnd.granary.record+json";
  EXPECT_EQ(refusal(world_.head()), Code::kUntrusted);
}

TEST_F(TrustAttacksTest, ARoleCannotSignForAnother) {
  world_.sign_record({&world_.timestamp_key, &world_.root_key});
  EXPECT_EQ(refusal(world_.head()), Code::kUntrusted);
  world_.sign_record();
  world_.renew({&world_.release_key, &world_.root_key});
  EXPECT_EQ(refusal(world_.head()), Code::kUntrusted);
}

TEST_F(TrustAttacksTest, ASignatureUnderAnotherAlgorithmsNameCountsForNothing) {
  world_.record_envelope.signatures.front().algorithm = "ed448";
  EXPECT_EQ(refusal(world_.head()), Code::kUntrusted);
}

TEST_F(TrustAttacksTest, ASignatureUnderAnotherKeysIdCountsForNothing) {
  TestSigner stranger("stranger");
  Signature signature = signed_by(world_.record.to_envelope(), {&stranger}).signatures.front();
  signature.key_id = world_.release_key.id().hex();
  world_.record_envelope.signatures = {signature};
  EXPECT_EQ(refusal(world_.head()), Code::kUntrusted);
}

TEST_F(TrustAttacksTest, AKeyUnderAnotherKeysIdIsRefused) {
  TestSigner stranger("stranger");
  Bytes payload = world_.root.serialise();
  const std::string honest = to_base64(world_.release_key.public_key().raw());
  payload.replace(payload.find(honest), honest.size(), to_base64(stranger.public_key().raw()));
  EXPECT_EQ(refusal_of(Root::parse(payload)), Code::kCorrupt);
}

TEST_F(TrustAttacksTest, UnknownSignaturesBesideAValidOneDoNoHarm) {
  TestSigner stranger("stranger");
  static_cast<void>(world_.record_envelope.sign(stranger));
  world_.record_envelope.signatures.push_back({"dilithium5", "whatever it calls its keys", "bytes"});
  EXPECT_TRUE(visit());
}

TEST_F(TrustAttacksTest, OneKeySigningTwiceCountsOnce) {
  TestSigner second("second release key");
  world_.change_root([&](Root& root) {
    SignedWorld::allow(root, RoleName::kRelease, second);
    root.release.threshold = 2;
  });
  Signature again = world_.record_envelope.signatures.front();
  world_.record_envelope.signatures.push_back(again);
  EXPECT_EQ(refusal(world_.head()), Code::kUntrusted);
  world_.sign_record({&world_.release_key, &second});
  EXPECT_TRUE(visit());
}

TEST_F(TrustAttacksTest, ATooHighThresholdIsRefusedWithTheRootThatSetsIt) {
  world_.root.release.threshold = 2;
  EXPECT_EQ(refusal_of(Root::parse(world_.root.serialise())), Code::kCorrupt);
  world_.root.release.threshold = 0;
  EXPECT_EQ(refusal_of(Root::parse(world_.root.serialise())), Code::kCorrupt);
}

// ---- the root chain

TEST_F(TrustAttacksTest, ARootNotSignedByItsPredecessorIsRefused) {
  TestSigner stranger("stranger");
  world_.change_root(
      [&](Root& root) {
        SignedWorld::forbid(root, RoleName::kRoot, world_.root_key);
        SignedWorld::allow(root, RoleName::kRoot, stranger);
      },
      {&stranger});
  EXPECT_EQ(refusal(world_.head()), Code::kUntrusted);
}

TEST_F(TrustAttacksTest, ARootNotSignedByItsOwnKeysIsRefused) {
  TestSigner successor("successor");
  world_.change_root(
      [&](Root& root) {
        SignedWorld::forbid(root, RoleName::kRoot, world_.root_key);
        SignedWorld::allow(root, RoleName::kRoot, successor);
      },
      {&world_.root_key});
  EXPECT_EQ(refusal(world_.head()), Code::kUntrusted);
}

TEST_F(TrustAttacksTest, ASkippedRootIsRefused) {
  world_.change_root([](Root&) {});
  world_.change_root([](Root&) {});
  world_.roots.erase(world_.roots.begin() + 1);
  EXPECT_EQ(refusal(world_.head()), Code::kUntrusted);
}

TEST_F(TrustAttacksTest, ALongChainOfRootsIsWalkedFromAnyTrustFile) {
  for (int i = 0; i < 5; ++i) {
    TestSigner next(str("root ", i));
    world_.change_root([&](Root& root) { SignedWorld::allow(root, RoleName::kRoot, next); });
  }
  EXPECT_TRUE(visit());
  trust_.root = world_.roots[3];
  EXPECT_TRUE(visit());
}

TEST_F(TrustAttacksTest, ARevokedReleaseKeyIsNoLongerBelieved) {
  TestSigner fresh("fresh");
  world_.change_root([&](Root& root) {
    SignedWorld::forbid(root, RoleName::kRelease, world_.release_key);
    SignedWorld::allow(root, RoleName::kRelease, fresh);
  });
  EXPECT_EQ(refusal(world_.head()), Code::kUntrusted);  // the record is signed by the revoked one
  world_.sign_record({&fresh});
  ASSERT_TRUE(visit());
  EXPECT_EQ(refusal_of(resolve("main")), Code::kUntrusted);  // and so is the branch's statement
}

// ---- limited keys

TEST_F(TrustAttacksTest, AKeyLimitedToABranchCannotSignAnother) {
  TestSigner limited("limited");
  world_.change_root(
      [&](Root& root) { SignedWorld::allow(root, RoleName::kRelease, limited, std::vector<std::string>{"test"}); });
  world_.publish(signed_by(world_.statement("test", "mine").to_envelope(), {&limited}), "test");
  EXPECT_TRUE(resolve("test"));
  world_.publish(signed_by(world_.statement("main", "not mine").to_envelope(), {&limited}), "main");
  EXPECT_EQ(refusal_of(resolve("main")), Code::kUntrusted);
}

class PathLimitedTest : public TrustAttacksTest {
 protected:
  PathLimitedTest() {
    world_.change_root([&](Root& root) {
      SignedWorld::allow(root, RoleName::kRelease, limited_, std::nullopt, std::vector<Bytes>{"usr/local"});
    });
  }
  Envelope on_top(const std::string& content, const std::optional<Envelope>& base) {
    Statement statement = world_.statement("main", content);
    statement.base = base;
    return signed_by(statement.to_envelope(), {&limited_});
  }
  void publish_limited(const std::string& content) {
    world_.publish(on_top(content, world_.record.branches.at("main")), "main");
  }

  TestSigner limited_{"limited to paths"};
};

TEST_F(PathLimitedTest, ItsChangesComeWithWhatTheyMayTouch) {
  publish_limited("two");
  publish_limited("three");
  const auto release = resolve("main");
  ASSERT_TRUE(release) << release.error().message;
  const std::vector<PathConstraint> expected = {{Digest::of("catalog two"), Digest::of("catalog three"), {"usr/local"}},
                                                {Digest::of("catalog one"), Digest::of("catalog two"), {"usr/local"}}};
  EXPECT_EQ(release->constraints, expected);
}

TEST_F(PathLimitedTest, WithoutABaseItIsRefused) {
  world_.publish(on_top("two", std::nullopt), "main");
  EXPECT_EQ(refusal_of(resolve("main")), Code::kUntrusted);
}

TEST_F(PathLimitedTest, AChainLongerThanSixteenIsRefused) {
  for (int i = 0; i < 15; ++i) publish_limited(str("change ", i));
  EXPECT_EQ(resolve("main")->constraints.size(), 15U);
  publish_limited("one too many");
  EXPECT_EQ(refusal_of(resolve("main")), Code::kUntrusted);
}

TEST_F(PathLimitedTest, ABaseSignedByAStrangerIsRefused) {
  TestSigner stranger("stranger");
  const Envelope base = signed_by(world_.statement("main", "evil").to_envelope(), {&stranger});
  world_.commit();
  world_.publish(on_top("two", base), "main");
  EXPECT_EQ(refusal_of(resolve("main")), Code::kUntrusted);
}

TEST_F(PathLimitedTest, ABaseOfAnotherBranchIsRefused) {
  world_.publish("test", "other");
  world_.publish(on_top("two", world_.record.branches.at("test")), "main");
  EXPECT_EQ(refusal_of(resolve("main")), Code::kMixAndMatch);
}

TEST_F(PathLimitedTest, GoingBackBehindWhatWasSeenElsewhereIsRefused) {
  const Envelope old = world_.record.branches.at("main");
  world_.publish("main", "two");
  ASSERT_TRUE(resolve("main"));
  world_.publish(on_top("old, with my change", old), "main");
  EXPECT_EQ(refusal_of(resolve("main")), Code::kRollback);
}

TEST_F(PathLimitedTest, AKeyWithoutLimitsEndsTheChain) {
  publish_limited("two");
  ASSERT_TRUE(resolve("main"));
  world_.publish("main", "three");
  EXPECT_TRUE(resolve("main")->constraints.empty());
}

TEST_F(PathLimitedTest, WithAThresholdOnlyWhatEnoughKeysMayTouchIsAllowed) {
  TestSigner other("limited elsewhere");
  world_.change_root([&](Root& root) {
    SignedWorld::allow(root, RoleName::kRelease, other, std::nullopt, std::vector<Bytes>{"usr/local/share", "opt"});
    root.release.threshold = 2;
  });
  const Envelope base =
      signed_by(world_.statement("main", "base").to_envelope(), {&world_.release_key, &limited_, &other});
  const auto verified = verify_statement(base, world_.root, Statement::Kind::kBranch, "main");
  EXPECT_EQ(refusal_of(verified), Code::kUntrusted);  // limited to /usr/local and /opt, and it has no base
  EXPECT_EQ(world_.root.release.allowed_paths({limited_.id(), other.id()}, "main"),
            std::vector<Bytes>{"usr/local/share"});
}

// ---- what only a newer Granary knows

TEST_F(TrustAttacksTest, AnUnknownCriticalMemberIsRefused) {
  JsonValue json = *JsonValue::parse(world_.record.serialise(), kMaxDocumentBytes);
  (*json.object())["valid_only_on_tuesdays"] = true;
  const Envelope harmless = signed_by(Envelope::around(Record::kKind, json.canonical()), {&world_.release_key});
  (*json.object())["critical"] = JsonValue::Array{"valid_only_on_tuesdays"};
  const Envelope critical = signed_by(Envelope::around(Record::kKind, json.canonical()), {&world_.release_key});

  world_.record_envelope = harmless;
  world_.renew();
  EXPECT_TRUE(visit());
  seen_ = {};
  world_.record_envelope = critical;
  world_.renew();
  EXPECT_EQ(refusal(world_.head()), Code::kUnsupported);
}

TEST_F(TrustAttacksTest, ANewerFormatIsRefused) {
  JsonValue json = *JsonValue::parse(world_.head(), kMaxHeadBytes);
  (*json.object())["format"] = 2;
  EXPECT_EQ(refusal(json.canonical()), Code::kUnsupported);
}

TEST_F(TrustAttacksTest, SomethingElseAltogetherIsCorrupt) {
  EXPECT_EQ(refusal(""), Code::kCorrupt);
  EXPECT_EQ(refusal("<html>Welcome to this hotel's network</html>"), Code::kCorrupt);
  EXPECT_EQ(refusal(R"({"granary":"head","granary":"head","format":1})"), Code::kCorrupt);
  EXPECT_EQ(refusal(trust_.serialise()), Code::kCorrupt);
}

TEST_F(TrustAttacksTest, ABadTrustFileIsItsOwnError) {
  EXPECT_EQ(refusal_of(TrustFile::parse("")), Code::kBadTrustFile);
  EXPECT_EQ(refusal_of(TrustFile::parse(world_.head())), Code::kBadTrustFile);
  trust_.root.signatures.clear();
  EXPECT_EQ(refusal_of(TrustFile::parse(trust_.serialise())), Code::kBadTrustFile);
  EXPECT_EQ(refusal(world_.head()), Code::kBadTrustFile);
  EXPECT_EQ(refusal_of(TrustFile::load("/nonexistent/trust.json")), Code::kBadTrustFile);
}

}  // namespace
}  // namespace granary
