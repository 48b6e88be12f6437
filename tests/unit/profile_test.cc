#include "fs/format/profile.h"

#include <gtest/gtest.h>

#include "fs/format/profile_trace.h"
#include "support/signed_world.h"

namespace granary {
namespace {

const char* const kRepository = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";

Trace sample_trace() {
  Trace trace;
  trace.repository = kRepository;
  trace.snapshot = Digest::of("snapshot");
  trace.time = 1'764'000'000;
  trace.touches.push_back({Touch::Kind::kDirectory, "", {}, {}});
  trace.touches.push_back({Touch::Kind::kDirectory, "usr/l\xff%b", {}, {}});
  trace.touches.push_back(
      {Touch::Kind::kFile, "usr/bin/\"seed\"", Digest::of("seed"), {{0, 2}, {2, 1}, {9, INT64_MAX - 9}}});
  trace.touches.push_back({Touch::Kind::kFile, "empty\n", Digest::of(""), {}});
  return trace;
}

Code code_of(const Result<Trace>& result) { return result ? Code{} : result.error().code; }

// The sample with one piece of its text replaced.
Result<Trace> parse_with(const std::string& old, const std::string& text) {
  Bytes json = sample_trace().serialise();
  const size_t at = json.find(old);
  EXPECT_NE(at, Bytes::npos) << old;
  return Trace::parse(json.replace(at, old.size(), text));
}

TEST(TraceTest, ComesBackAsItWasWritten) {
  const Trace trace = sample_trace();
  const auto parsed = Trace::parse(trace.serialise());
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, trace);
}

TEST(TraceTest, BytesThatAreNotPrintableArePercentEncoded) {
  EXPECT_NE(sample_trace().serialise().find(R"({"directory":"usr/l%FF%25b"})"), Bytes::npos);
}

TEST(TraceTest, ATouchCountsItsBytesGenerously) {
  Trace trace = sample_trace();
  size_t sum = 0;
  for (const Touch& touch : trace.touches) sum += serialised_bytes(touch);
  const size_t with = trace.serialise().size();
  trace.touches.clear();
  EXPECT_LT(trace.serialise().size(), 512U);
  EXPECT_LE(with - trace.serialise().size(), sum);
}

TEST(TraceTest, WhatBreaksTheFormIsRefused) {
  EXPECT_EQ(code_of(parse_with("%FF", "%ff")), Code::kCorrupt);
  EXPECT_EQ(code_of(parse_with("%FF", "%41")), Code::kCorrupt);
  EXPECT_EQ(code_of(parse_with("%FF", "%F")), Code::kCorrupt);
  EXPECT_EQ(code_of(parse_with("usr/l", "/usr/l")), Code::kCorrupt);
  EXPECT_EQ(code_of(parse_with("usr/l", "../l")), Code::kCorrupt);
  EXPECT_EQ(code_of(parse_with("usr/l", "usr//l")), Code::kCorrupt);
  EXPECT_EQ(code_of(parse_with("[0,2]", "[0,0]")), Code::kCorrupt);
  EXPECT_EQ(code_of(parse_with("[0,2]", "[0,3]")), Code::kCorrupt) << "overlaps";
  EXPECT_EQ(code_of(parse_with("[0,2]", "[0]")), Code::kCorrupt);
  EXPECT_EQ(code_of(parse_with("[9,", "[10,")), Code::kCorrupt) << "beyond 2^63-1";
  EXPECT_EQ(code_of(parse_with("\"directory\"", "\"both\":1,\"file\":\"x\",\"directory\"")), Code::kCorrupt);
  EXPECT_EQ(code_of(parse_with("\"format\":1", "\"format\":2")), Code::kUnsupported);
  const Bytes whole = sample_trace().serialise();
  EXPECT_EQ(code_of(Trace::parse(ByteView(whole).substr(0, whole.size() / 2))), Code::kCorrupt);
}

TEST(TraceTest, TheLargestParsesAndALargerOneDoesNot) {
  Trace trace = sample_trace();
  trace.touches.assign(Trace::kMaxTouches, {Touch::Kind::kFile, "a", Digest::of("a"), {{0, 1}, {1, 1}}});
  EXPECT_TRUE(Trace::parse(trace.serialise()));
  trace.touches.push_back({Touch::Kind::kDirectory, "", {}, {}});
  EXPECT_EQ(code_of(Trace::parse(trace.serialise())), Code::kCorrupt);
  EXPECT_EQ(code_of(Trace::parse(Bytes(Trace::kMaxBytes + 1, ' '))), Code::kEndlessData);
}

TEST(PlanTest, ComesBackAsItWasWritten) {
  const Plan plan{{{Digest::of("a"), 1}, {Digest::of("b"), kMaxObjectBytes}}};
  const auto decoded = decode_plan(encode_plan(plan));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, plan);
  EXPECT_EQ(plan.total_bytes(), kMaxObjectBytes + 1);
}

TEST(PlanTest, WhatBreaksTheFormIsRefused) {
  const Bytes sound = encode_plan({{{Digest::of("a"), 1}, {Digest::of("b"), 2}}});
  for (size_t length = 0; length < sound.size(); ++length) EXPECT_FALSE(decode_plan(ByteView(sound).substr(0, length)));
  EXPECT_FALSE(decode_plan(sound + "x"));
  EXPECT_FALSE(decode_plan(encode_plan({{{Digest::of("a"), 1}, {Digest::of("a"), 1}}}))) << "twice";
  EXPECT_FALSE(decode_plan(encode_plan({{{Digest::of("a"), 0}}})));
  EXPECT_FALSE(decode_plan(encode_plan({{{Digest::of("a"), kMaxObjectBytes + 1}}})));
  Bytes newer = sound;
  newer[4] = 2;
  EXPECT_EQ(decode_plan(newer).error().code, Code::kUnsupported);
  Bytes endless = sound;
  endless[10] = 2;  // 131,074 objects
  EXPECT_EQ(decode_plan(endless).error().code, Code::kCorrupt);
}

// A note as a release key signs it, filed under the snapshot it is for.
struct ProfileNoteTest : testing::Test {
  SignedWorld world;
  const SnapshotId snapshot = Digest::of("snapshot");

  ProfileNote note(const std::string& name, UnixSeconds time = 1'800'000'000) const {
    ProfileNote note;
    note.repository = world.root.repository;
    note.snapshot = note.base = snapshot;
    note.time = time;
    note.name = name;
    note.plan = Digest::of("plan of " + name);
    note.trace = Digest::of("trace of " + name);
    note.objects = 2;
    note.bytes = 5;
    return note;
  }
  void file(const ProfileNote& note, std::initializer_list<Signer*> signers) {
    world.names.notes[snapshot].push_back(signed_by(note.to_envelope(), signers));
  }
  Result<VerifiedProfile> find(const std::string& name) const {
    return find_profile(world.root, world.names, snapshot, name);
  }
  Code refused(const std::string& name) const {
    const auto found = find(name);
    return found ? Code{} : found.error().code;
  }
};

TEST_F(ProfileNoteTest, ComesBackAsItWasWritten) {
  EXPECT_EQ(*ProfileNote::parse(note("boot").serialise()), note("boot"));
}

TEST_F(ProfileNoteTest, AreFoundByNameWithTheirSigners) {
  file(note("boot"), {&world.release_key});
  file(note("numpy"), {&world.release_key});
  const auto found = find("numpy");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->note, note("numpy"));
  EXPECT_EQ(found->signers, std::set<KeyId>{world.release_key.id()});
}

TEST_F(ProfileNoteTest, OneThatIsNotThereIsNamedWithThoseThatAre) {
  file(note("boot"), {&world.release_key});
  EXPECT_EQ(refused("numpy"), Code::kNotFound);
  EXPECT_NE(find("numpy").error().message.find("boot"), std::string::npos);
  EXPECT_EQ(refused("../numpy"), Code::kInvalid);
}

TEST_F(ProfileNoteTest, TheNewestOfOneNameCounts) {
  file(note("boot", 1'800'000'002), {&world.release_key});
  file(note("boot", 1'800'000'001), {&world.release_key});
  EXPECT_EQ(find("boot")->note.time, 1'800'000'002);
}

TEST_F(ProfileNoteTest, ForgedOnesAreNotBelieved) {
  TestSigner thief("thief");
  file(note("boot"), {&thief});
  EXPECT_EQ(refused("boot"), Code::kUntrusted);
  file(note("numpy"), {&world.release_key});
  world.names.notes[snapshot].back().payload.back() = ' ';  // after it was signed
  EXPECT_EQ(refused("numpy"), Code::kUntrusted);
}

TEST_F(ProfileNoteTest, AForgedOneDoesNotHideAnHonestOne) {
  TestSigner thief("thief");
  file(note("boot", 1'900'000'000), {&thief});
  file(note("boot"), {&world.release_key});
  EXPECT_EQ(find("boot")->note.time, 1'800'000'000);
  EXPECT_EQ(profiles_of(world.root, world.names, snapshot).refused.size(), 1U);
}

TEST_F(ProfileNoteTest, OneOfARevokedKeyIsNotBelieved) {
  file(note("boot"), {&world.release_key});
  TestSigner next("next");
  SignedWorld::forbid(world.root, RoleName::kRelease, world.release_key);
  SignedWorld::allow(world.root, RoleName::kRelease, next);
  EXPECT_EQ(refused("boot"), Code::kUntrusted);
}

TEST_F(ProfileNoteTest, TheThresholdOfTheRoleCounts) {
  TestSigner second("second");
  SignedWorld::allow(world.root, RoleName::kRelease, second, std::vector<std::string>{"test"});
  world.root.release.threshold = 2;
  file(note("alone"), {&world.release_key});
  file(note("boot"), {&world.release_key, &second});
  EXPECT_EQ(refused("alone"), Code::kUntrusted);
  EXPECT_TRUE(find("boot"));
}

TEST_F(ProfileNoteTest, OneOfAnotherSnapshotOrRepositoryIsRefused) {
  ProfileNote moved = note("moved");
  moved.snapshot = Digest::of("another snapshot");
  file(moved, {&world.release_key});
  EXPECT_EQ(refused("moved"), Code::kMixAndMatch);
  world.names.notes.clear();
  ProfileNote foreign = note("foreign");
  foreign.repository = kRepository;
  file(foreign, {&world.release_key});
  EXPECT_EQ(refused("foreign"), Code::kWrongRepository);
}

TEST_F(ProfileNoteTest, NotesOfOtherKindsAreNobodysBusinessHere) {
  JsonValue::Object other = new_document("note");
  other["kind"] = "endorsement";
  world.names.notes[snapshot].push_back(
      signed_by(Envelope::around("note", JsonValue(std::move(other)).canonical()), {&world.release_key}));
  EXPECT_EQ(refused("boot"), Code::kNotFound);
  EXPECT_TRUE(profiles_of(world.root, world.names, snapshot).refused.empty());
}

TEST_F(ProfileNoteTest, DetachingTakesAllOfOneName) {
  TestSigner thief("thief");
  file(note("boot"), {&thief});
  file(note("boot"), {&world.release_key});
  EXPECT_EQ(detach_profiles(world.names, snapshot, "boot"), 2U);
  EXPECT_EQ(detach_profiles(world.names, snapshot, "boot"), 0U);
  EXPECT_TRUE(world.names.notes.empty());
}

}  // namespace
}  // namespace granary
