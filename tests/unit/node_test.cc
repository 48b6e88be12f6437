#include "fs/format/node.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

Node node_of(NodeType type) {
  Node node;
  node.type = type;
  if (type == NodeType::kSymlink) node.target = "x";
  return node;
}

TEST(Node, NamesAreAnyBytesButSlashAndNul) {
  for (const Bytes& good : {Bytes("a"), Bytes("..."), Bytes(" \n\xff"), Bytes(255, 'n')})
    EXPECT_TRUE(check_name(good)) << good;
  for (const Bytes& bad : {Bytes(""), Bytes("."), Bytes(".."), Bytes("a/b"), Bytes("a\0b", 3), Bytes(256, 'n')})
    EXPECT_EQ(check_name(bad).error().code, Code::kInvalid) << printable(bad);
}

TEST(Node, LimitsAreHeld) {
  EXPECT_TRUE(check_node(node_of(NodeType::kSocket)));
  const auto refused = [](NodeType type, auto&& spoil) {
    Node node = node_of(type);
    spoil(node);
    const Status checked = check_node(node);
    return !checked && checked.error().code == Code::kInvalid;
  };
  EXPECT_TRUE(refused(NodeType::kFile, [](Node& n) { n.mode = 010000; }));
  EXPECT_TRUE(refused(NodeType::kFile, [](Node& n) { n.mtime_ns = 1'000'000'000; }));
  EXPECT_TRUE(refused(NodeType::kFile, [](Node& n) { n.size_bytes = uint64_t{1} << 63; }));
  EXPECT_TRUE(refused(NodeType::kFile, [](Node& n) { n.type = static_cast<NodeType>(8); }));
  EXPECT_TRUE(refused(NodeType::kSymlink, [](Node& n) { n.target.clear(); }));
  EXPECT_TRUE(refused(NodeType::kSymlink, [](Node& n) { n.target = Bytes(4096, 't'); }));
  EXPECT_TRUE(refused(NodeType::kSymlink, [](Node& n) { n.target = Bytes("a\0b", 3); }));
  EXPECT_TRUE(refused(NodeType::kFile, [](Node& n) { n.xattrs = {{"b", ""}, {"a", ""}}; }));
  EXPECT_TRUE(refused(NodeType::kFile, [](Node& n) { n.xattrs = {{"a", ""}, {"a", ""}}; }));
  EXPECT_TRUE(refused(NodeType::kFile, [](Node& n) { n.xattrs = {{"a", Bytes(65'537, 'v')}}; }));
}

}  // namespace
}  // namespace granary
