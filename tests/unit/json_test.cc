#include "fs/format/json.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

constexpr size_t kLimit = 1 << 20;

Code refusal(ByteView text) {
  const auto json = JsonValue::parse(text, kLimit);
  return json ? Code::kInternal : json.error().code;
}

TEST(Json, CanonicalTextHasSortedKeysAndNoSpace) {
  const auto json = JsonValue::parse(R"( { "b" : [ 1 , true, null, "x" ], "a" : { "z":0, "A":-5 } } )", kLimit);
  ASSERT_TRUE(json);
  EXPECT_EQ(json->canonical(), R"({"a":{"A":-5,"z":0},"b":[1,true,null,"x"]})");
}

TEST(Json, CanonicalTextIsStable) {
  const std::string text = R"({"":"","control":"\u0001\n\"\\","nested":[[],{}],"text":"größer 粮"})";
  const auto json = JsonValue::parse(text, kLimit);
  ASSERT_TRUE(json);
  EXPECT_EQ(json->canonical(), text);
}

TEST(Json, WhatIsNotJsonIsRefused) {
  for (const char* text : {"", " ", "{", "{}{}", "{} x", "[1,]", "{\"a\":1,}", "{a:1}", "'a'", "// no\n{}",
                           "\xef\xbb\xbf{}", "\"\xff\"", "\"\xed\xa0\x80\"", "01", "NaN", "\"\n\""})
    EXPECT_EQ(refusal(text), Code::kCorrupt) << printable(text);
}

TEST(Json, ADuplicateKeyIsRefused) {
  EXPECT_EQ(refusal(R"({"a":1,"a":2})"), Code::kCorrupt);
  EXPECT_EQ(refusal(R"({"x":{"a":1,"\u0061":1}})"), Code::kCorrupt);
  EXPECT_TRUE(JsonValue::parse(R"({"a":{"a":1},"b":{"a":1}})", kLimit));
}

TEST(Json, SizeDepthAndNumberOfValuesAreBounded) {
  EXPECT_EQ(refusal(Bytes(kLimit + 1, ' ')), Code::kEndlessData);
  EXPECT_TRUE(JsonValue::parse(Bytes(32, '[') + Bytes(32, ']'), kLimit));
  EXPECT_EQ(refusal(Bytes(33, '[') + Bytes(33, ']')), Code::kCorrupt);
  EXPECT_EQ(refusal(Bytes(kLimit, '[')), Code::kCorrupt);
  Bytes many = "[0";
  for (int i = 0; i < 500'000; ++i) many += ",0";
  EXPECT_EQ(refusal(many + "]"), Code::kCorrupt);
}

class JsonReaderTest : public testing::Test {
 protected:
  template <class T>
  static std::string complaint(const Result<T>& result) {
    return result ? "none" : result.error().message;
  }
  const JsonValue json_ = *JsonValue::parse(
      R"({"text":"x","number":7,"negative":-1,"huge":9223372036854775808,"float":1.0,"time":"2026-11-21T08:00:00Z","day":"2026-11-21",
          "base64":"AAE=","loose":"AAE","list":["a","b"],"mixed":["a",1],"object":{}})",
      kLimit);
  const JsonReader in_ = *JsonReader::of(json_, "thing");
};

TEST_F(JsonReaderTest, ReadsWhatHasItsForm) {
  EXPECT_EQ(*in_.text("text"), "x");
  EXPECT_EQ(*in_.integer("number"), 7U);
  EXPECT_EQ(*in_.integer_or("absent", 9), 9U);
  EXPECT_EQ(format_utc(*in_.time("time")), "2026-11-21T08:00:00Z");
  EXPECT_EQ(*in_.base64("base64"), Bytes("\0\1", 2));
  EXPECT_EQ(in_.texts("list")->size(), 2U);
}

TEST_F(JsonReaderTest, ErrorsNameTheMember) {
  EXPECT_EQ(complaint(in_.text("absent")), "thing: \"absent\" is missing");
  EXPECT_EQ(complaint(in_.text("number")), "thing: \"number\" is not a string");
  EXPECT_EQ(complaint(in_.text("time", 5)), "thing: \"time\" is longer than 5 bytes");
  for (const char* name : {"text", "negative", "huge", "float"})
    EXPECT_EQ(complaint(in_.integer(name)), str("thing: \"", name, "\" is not a whole number, 0 to 2^63-1"));
  EXPECT_EQ(complaint(in_.digest("text")), "thing: \"text\" is not a digest");
  EXPECT_EQ(complaint(in_.base64("loose")), "thing: \"loose\" is not base64");
  EXPECT_EQ(complaint(in_.time("day")), "thing: \"day\" is not a UTC time such as 2026-11-21T12:00:00Z");
  EXPECT_EQ(complaint(in_.texts("mixed")), "thing: \"mixed\" holds something that is not a string");
  EXPECT_EQ(complaint(in_.array("object")), "thing: \"object\" is not a list");
  EXPECT_EQ(complaint(in_.object("list")), "thing: \"list\" is not an object");
}

TEST(Document, KindFormatAndCriticalMembersAreChecked) {
  const auto refusal_of = [](ByteView text) {
    const auto json = parse_document(text, kLimit, "thing", {"known"});
    return json ? Code::kInternal : json.error().code;
  };
  EXPECT_EQ(refusal_of(R"({"granary":"thing","format":1,"unknown":5})"), Code::kInternal);
  EXPECT_EQ(refusal_of(R"({"granary":"thing","format":1,"known":5,"critical":["known"]})"), Code::kInternal);
  EXPECT_EQ(refusal_of(R"({"granary":"thing","format":1,"unknown":5,"critical":["unknown"]})"), Code::kUnsupported);
  EXPECT_EQ(refusal_of(R"({"granary":"thing","format":1,"critical":"unknown"})"), Code::kCorrupt);
  EXPECT_EQ(refusal_of(R"({"granary":"thing","format":2})"), Code::kUnsupported);
  EXPECT_EQ(refusal_of(R"({"granary":"thing","format":"1"})"), Code::kCorrupt);
  EXPECT_EQ(refusal_of(R"({"granary":"other","format":1})"), Code::kCorrupt);
  EXPECT_EQ(refusal_of(R"([])"), Code::kCorrupt);
}

}  // namespace
}  // namespace granary
