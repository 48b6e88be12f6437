// The test vectors of docs/format.md, section 10, against our code. They come from tests/independent, not from us.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "fs/format/catalog_index.h"
#include "fs/format/envelope.h"
#include "fs/format/node.h"
#include "fs/format/object.h"
#include "fs/format/profile_plan.h"
#include "fs/format/profile_trace.h"
#include "fs/format/tree_digest.h"

namespace granary {
namespace {

using Json = nlohmann::json;

const Json& vectors() {
  static const Json all = [] {
    std::ifstream file(GRANARY_SOURCE_DIR "/tests/format/vectors.json");
    return Json::parse(file);
  }();
  return all;
}

Bytes bytes_of(const Json& hex) { return *from_hex(hex.get<std::string>()); }
Digest digest_of(const Json& hex) { return *Digest::parse(hex.get<std::string>()); }

std::vector<Xattr> xattrs_of(const Json& list) {
  std::vector<Xattr> out;
  for (const Json& xattr : list) out.push_back({xattr[0].get<std::string>(), bytes_of(xattr[1])});
  return out;
}

Node node_of(const Json& fields) {
  Node node;
  node.type = static_cast<NodeType>(fields.at("type").get<int>());
  node.mode = fields.at("mode");
  node.uid = fields.at("uid");
  node.gid = fields.at("gid");
  node.mtime = fields.at("mtime");
  node.mtime_ns = fields.at("mtime_ns");
  node.xattrs = xattrs_of(fields.at("xattrs"));
  node.size_bytes = fields.value("size", uint64_t{0});
  if (fields.contains("digest")) node.digest = digest_of(fields.at("digest"));
  if (fields.contains("target")) node.target = bytes_of(fields.at("target"));
  node.device_major = fields.value("major", 0U);
  node.device_minor = fields.value("minor", 0U);
  return node;
}

TEST(Vectors, ObjectsAreRead) {
  for (const Json& object : vectors().at("objects")) {
    const auto plain = decode_object(digest_of(object.at("digest")), bytes_of(object.at("file")));
    ASSERT_TRUE(plain) << object.at("name") << ": " << plain.error().message;
    EXPECT_EQ(to_hex(*plain), object.at("plain")) << object.at("name");
  }
}

TEST(Vectors, BadObjectsAreRefused) {
  for (const Json& object : vectors().at("bad_objects")) {
    EXPECT_FALSE(decode_object(bytes_of(object.at("file")))) << object.at("why");
  }
}

TEST(Vectors, SlicesAreReadAndWritten) {
  for (const Json& list : vectors().at("slice_lists")) {
    std::vector<Slice> expected;
    for (const Json& slice : list.at("slices")) {
      const Json& object = slice.at("object");
      expected.push_back({object.is_null() ? ObjectId{} : digest_of(object), slice.at("offset"), slice.at("length")});
    }
    const auto slices = decode_slices(bytes_of(list.at("encoded")), list.at("size"));
    ASSERT_TRUE(slices) << list.at("name") << ": " << slices.error().message;
    EXPECT_EQ(*slices, expected) << list.at("name");
    EXPECT_EQ(to_hex(encode_slices(expected)), list.at("encoded")) << list.at("name");
  }
}

TEST(Vectors, BadSlicesAreRefused) {
  for (const Json& list : vectors().at("bad_slice_lists")) {
    EXPECT_FALSE(decode_slices(bytes_of(list.at("encoded")), list.at("size"))) << list.at("why");
  }
}

TEST(Vectors, XattrsAreReadAndWritten) {
  for (const Json& list : vectors().at("xattr_lists")) {
    const auto expected = xattrs_of(list.at("xattrs"));
    const auto xattrs = decode_xattrs(bytes_of(list.at("encoded")));
    ASSERT_TRUE(xattrs) << list.at("name") << ": " << xattrs.error().message;
    EXPECT_EQ(*xattrs, expected) << list.at("name");
    EXPECT_EQ(to_hex(encode_xattrs(expected)), list.at("encoded")) << list.at("name");
  }
}

TEST(Vectors, BadXattrsAreRefused) {
  for (const Json& list : vectors().at("bad_xattr_lists")) {
    EXPECT_FALSE(decode_xattrs(bytes_of(list.at("encoded")))) << list.at("why");
  }
}

TEST(Vectors, NodesAreEncoded) {
  for (const Json& vector : vectors().at("nodes")) {
    EXPECT_EQ(to_hex(encode_node(bytes_of(vector.at("name")), node_of(vector.at("node")))), vector.at("encoded"));
  }
}

// A tree of the vectors, its directory digests computed anew from the leaves up.
class Tree {
 public:
  explicit Tree(const Json& vector) {
    for (const Json& entry : vector.at("entries")) nodes_[bytes_of(entry.at("path"))] = node_of(entry.at("node"));
    for (const Json& group : vector.at("groups")) {
      std::vector<Bytes> paths;
      for (const Json& path : group) paths.push_back(bytes_of(path));
      groups_.push_back(std::move(paths));
    }
  }

  const Node& at(const Bytes& path) const { return nodes_.at(path); }

  Digest directory_digest(const Bytes& directory) const {
    std::map<Bytes, Node> entries;
    for (const auto& [path, node] : nodes_) {
      if (path.empty() || parent_of(path) != directory) continue;
      Node child = node;
      if (child.is_directory()) child.digest = directory_digest(path);
      entries[path.substr(directory.empty() ? 0 : directory.size() + 1)] = child;
    }
    DirectoryDigester digester(static_cast<uint32_t>(entries.size()));
    for (const auto& [name, node] : entries) digester.add(name, node);
    return digester.finish(groups_of(directory));
  }

 private:
  static Bytes parent_of(const Bytes& path) {
    const auto slash = path.rfind('/');
    return slash == Bytes::npos ? Bytes() : path.substr(0, slash);
  }

  static bool is_below(const Bytes& path, const Bytes& directory) {
    return directory.empty() || path.starts_with(directory + "/");
  }

  static Bytes lowest_above(const std::vector<Bytes>& paths) {
    Bytes directory = parent_of(paths.front());
    const auto holds_all = [&] {
      return std::all_of(paths.begin(), paths.end(), [&](const Bytes& path) { return is_below(path, directory); });
    };
    while (!holds_all()) directory = parent_of(directory);
    return directory;
  }

  std::vector<std::vector<Bytes>> groups_of(const Bytes& directory) const {
    std::vector<std::vector<Bytes>> out;
    for (auto paths : groups_) {
      if (lowest_above(paths) != directory) continue;
      for (Bytes& path : paths) path = path.substr(directory.empty() ? 0 : directory.size() + 1);
      out.push_back(std::move(paths));
    }
    return out;
  }

  std::map<Bytes, Node> nodes_;
  std::vector<std::vector<Bytes>> groups_;
};

TEST(Vectors, TreesHaveTheirDigests) {
  for (const Json& vector : vectors().at("trees")) {
    const Tree tree(vector);
    for (const Json& entry : vector.at("entries")) {
      const Bytes path = bytes_of(entry.at("path"));
      if (!tree.at(path).is_directory()) continue;
      EXPECT_EQ(tree.directory_digest(path), tree.at(path).digest) << vector.at("name") << " " << entry.at("shown");
    }
    Node root = tree.at("");
    root.digest = tree.directory_digest("");
    EXPECT_EQ(tree_digest(root).hex(), vector.at("tree_digest")) << vector.at("name");
  }
}

TEST(Vectors, SignaturesVerify) {
  const Json& vector = vectors().at("signed");
  const auto key = PublicKey::make(std::string(kEd25519), bytes_of(vector.at("public")));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->id().hex(), vector.at("keyid"));

  const auto envelope = Envelope::parse(vector.at("envelope").get<std::string>());
  ASSERT_TRUE(envelope) << envelope.error().message;
  EXPECT_EQ(envelope->kind(), vector.at("kind"));
  EXPECT_EQ(envelope->payload, vector.at("payload"));
  EXPECT_EQ(envelope->signed_bytes(), vector.at("signed"));
  EXPECT_EQ(to_hex(envelope->signatures.at(0).bytes), vector.at("signature"));
  EXPECT_EQ(valid_signers(*envelope, {{key->id(), *key}}).size(), 1U);
  EXPECT_EQ(envelope->serialise(), vector.at("envelope"));
}

TEST(Vectors, CatalogIndexesAreReadAndWritten) {
  for (const Json& vector : vectors().at("catalog_indexes")) {
    CatalogIndex index;
    index.page_count = vector.at("pages");
    for (const Json& reference : vector.at("references")) index.references.push_back(digest_of(reference));
    std::vector<Bytes> pages;  // before any view of one
    for (const Json& page : vector.at("inlined")) pages.emplace_back(kPageBytes, page.at("filled_with").get<char>());
    for (size_t i = 0; i < pages.size(); ++i) index.inlined.push_back({vector.at("inlined")[i].at("page"), pages[i]});

    const Bytes encoded = encode_catalog_index(index);
    EXPECT_EQ(Digest::of(encoded).hex(), vector.at("digest")) << vector.at("name");
    const auto decoded = decode_catalog_index(encoded);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->references, index.references);
    EXPECT_EQ(decoded->has_leaves(), vector.at("levels") == 2);
    if (!decoded->has_leaves()) continue;

    const auto leaf = decode_index_leaf(bytes_of(vector.at("last_leaf")), 1);
    ASSERT_TRUE(leaf) << leaf.error().message;
    EXPECT_EQ(leaf->at(0), digest_of(vector.at("last_group")));
    EXPECT_EQ(to_hex(encode_index_leaf(*leaf)), vector.at("last_leaf"));
  }
}

TEST(Vectors, PlansAreReadAndWritten) {
  for (const Json& vector : vectors().at("plans")) {
    Plan plan;
    for (const Json& object : vector.at("objects")) plan.objects.push_back({digest_of(object[0]), object[1]});
    EXPECT_EQ(to_hex(encode_plan(plan)), vector.at("encoded"));
    const auto decoded = decode_plan(bytes_of(vector.at("encoded")));
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(*decoded, plan);
  }
  for (const Json& vector : vectors().at("bad_plans"))
    EXPECT_FALSE(decode_plan(bytes_of(vector.at("encoded")))) << vector.at("why");
}

TEST(Vectors, TracesAreReadAndWritten) {
  for (const Json& vector : vectors().at("traces")) {
    const auto trace = Trace::parse(vector.at("text").get<std::string>());
    ASSERT_TRUE(trace) << trace.error().message;
    EXPECT_EQ(trace->serialise(), vector.at("text").get<std::string>());
    Json touches = Json::array();
    for (const Touch& touch : trace->touches) {
      const bool is_file = touch.kind == Touch::Kind::kFile;
      Json ranges = Json::array();
      for (const ByteRange& range : touch.ranges)
        ranges.push_back(Json::array({range.offset_bytes, range.length_bytes}));
      touches.push_back(Json::array({to_hex(touch.path), is_file ? Json(touch.content.hex()) : Json(), ranges}));
    }
    EXPECT_EQ(touches, vector.at("touches"));
  }
  for (const Json& vector : vectors().at("bad_traces"))
    EXPECT_FALSE(Trace::parse(vector.at("text").get<std::string>())) << vector.at("why");
}

}  // namespace
}  // namespace granary
