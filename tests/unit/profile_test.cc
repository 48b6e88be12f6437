#include "fs/format/profile.h"

#include <gtest/gtest.h>

#include "fs/format/profile_trace.h"

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

}  // namespace
}  // namespace granary
