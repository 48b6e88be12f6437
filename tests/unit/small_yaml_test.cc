#include "initramfs/context/small_yaml.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

Json read(const std::string& text) {
  const auto value = parse_small_yaml(text, "f");
  EXPECT_TRUE(value) << (value ? "" : value.error().message);
  return value ? *value : Json();
}

std::string refused(const std::string& text) {
  const auto value = parse_small_yaml(text, "f");
  EXPECT_FALSE(value) << value->dump();
  return value ? "" : value.error().message;
}

TEST(SmallYamlTest, MappingsAndSequencesNestByIndentation) {
  EXPECT_EQ(read("a: 1\nb:\n  c: two\n  d:\n    - x\n    - y: z\n      w: v\ne:\n- 1\n- 2\n"),
            (Json{{"a", "1"},
                  {"b", {{"c", "two"}, {"d", Json::array({"x", Json{{"y", "z"}, {"w", "v"}}})}}},
                  {"e", Json::array({"1", "2"})}}));
}

TEST(SmallYamlTest, SequencesInSequencesAreRead) {
  EXPECT_EQ(read("- - a\n  - b\n-\n  - c\n"), (Json::array({Json::array({"a", "b"}), Json::array({"c"})})));
}

TEST(SmallYamlTest, QuotesFlowsAndCommentsAreRead) {
  EXPECT_EQ(read("---\n# begin\na: 'it''s' # why\nb: \"x\\ny # no\"\nc: [1, 'b c', {d: e}]\nf: {}\ng: a#b\nh: ~\ni:\n"),
            (Json{{"a", "it's"},
                  {"b", "x\ny # no"},
                  {"c", Json::array({"1", "b c", Json{{"d", "e"}}})},
                  {"f", Json::object()},
                  {"g", "a#b"},
                  {"h", nullptr},
                  {"i", nullptr}}));
}

TEST(SmallYamlTest, LiteralBlocksKeepTheirLines) {
  EXPECT_EQ(read("keys: |\n  ssh-rsa A # me\n\n  ssh-rsa B\nnext: 1\n"),
            (Json{{"keys", "ssh-rsa A # me\n\nssh-rsa B\n"}, {"next", "1"}}));
  EXPECT_EQ(read("a: |-\n    x\n      y\n"), (Json{{"a", "x\n  y"}}));
}

TEST(SmallYamlTest, ColonsInsideWordsArePlain) {
  EXPECT_EQ(read("mac: 52:54:00:12:34:56\nurl: http://h:80/x\naddresses: [2001:db8::1/64]\n"),
            (Json{{"mac", "52:54:00:12:34:56"}, {"url", "http://h:80/x"}, {"addresses", {"2001:db8::1/64"}}}));
}

TEST(SmallYamlTest, JsonIsReadAsWell) { EXPECT_EQ(read(R"({"a": {"b": ["c"]}})"), (Json{{"a", {{"b", {"c"}}}}})); }

TEST(SmallYamlTest, WhatIsNotUnderstoodIsRefusedWithItsLine) {
  EXPECT_EQ(refused("a: 1\nb: &x 2\n"), "f: line 2: values that begin with & are not understood");
  EXPECT_NE(refused("a: !!python/object:os.system x\n").find("line 1"), std::string::npos);
  EXPECT_NE(refused("<<: {a: b}\n").find("merge"), std::string::npos);
  EXPECT_NE(refused("a: 1\na: 2\n").find("twice"), std::string::npos);
  EXPECT_NE(refused("a: >\n  folded\n").find("folded"), std::string::npos);
  EXPECT_NE(refused("a: [1,\n  2]\n").find("does not end on its line"), std::string::npos);
  EXPECT_NE(refused("a: b: c\n").find("quotes"), std::string::npos);
  EXPECT_NE(refused("a:\n    b: 1\n  c: 2\n").find("line 3"), std::string::npos);
  EXPECT_NE(refused("a: 'x\n").find("without an end"), std::string::npos);
}

TEST(SmallYamlTest, DepthIsBounded) {
  refused(std::string(5000, '['));
  std::string deep;
  for (int i = 0; i < 2000; ++i) deep += "- ";
  refused(deep + "x\n");
}

}  // namespace
}  // namespace granary
