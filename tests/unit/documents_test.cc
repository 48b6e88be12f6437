// Every document comes back from its bytes, and none of its members can be missing or of another form.
#include <gtest/gtest.h>

#include "fs/format/identifiers.h"
#include "fs/format/paths.h"
#include "fs/format/profile.h"
#include "fs/format/profile_trace.h"
#include "fs/format/snapshot.h"
#include "fs/format/trust.h"
#include "support/signed_world.h"

namespace granary {
namespace {

// Takes each member away, and turns each into something that no document has there.
template <class Document>
void expect_strict(const Document& document, const std::set<std::string>& optional) {
  const JsonValue json = *JsonValue::parse(document.serialise(), kMaxDocumentBytes);
  for (const auto& [name, value] : *json.object()) {
    JsonValue without = json;
    without.object()->erase(name);
    const bool accepted = Document::parse(without.canonical()).has_value();
    EXPECT_EQ(accepted, optional.contains(name)) << name << " taken away";
    JsonValue wrong = json;
    (*wrong.object())[name] = JsonValue(-1);
    EXPECT_FALSE(Document::parse(wrong.canonical())) << name << " made -1";
  }
}

class DocumentsTest : public testing::Test {
 protected:
  DocumentsTest() {
    world_.publish("main", "one");
    world_.tag("v1", "one");
    world_.commit();  // revision 4: it has ancestors
  }
  SignedWorld world_;
};

TEST_F(DocumentsTest, RootsComeBack) {
  TestSigner limited("limited");
  Root root = world_.root;
  SignedWorld::allow(root, RoleName::kRelease, limited, std::vector<std::string>{"test"},
                     std::vector<Bytes>{"", "usr/local"});
  root.minimum_revision = 3;
  EXPECT_EQ(*Root::parse(root.serialise()), root);
  expect_strict(root, {"minimum_revision"});
}

TEST_F(DocumentsTest, ProfileNotesAndTracesComeBack) {
  ProfileNote note{world_.root.repository, Digest::of("s"), world_.now, "boot", Digest::of("b"),
                   Digest::of("p"),        Digest::of("t"), 2,          5};
  EXPECT_EQ(*ProfileNote::parse(note.serialise()), note);
  expect_strict(note, {});
  Trace trace{world_.root.repository, Digest::of("s"), world_.now, {{Touch::Kind::kDirectory, "usr", {}, {}}}};
  EXPECT_EQ(*Trace::parse(trace.serialise()), trace);
  expect_strict(trace, {});
}

TEST_F(DocumentsTest, OnlyReleaseKeysCanBeLimited) {
  Root root = world_.root;
  root.timestamp.keys.front().branches.emplace();
  EXPECT_EQ(Root::parse(root.serialise()).error().code, Code::kCorrupt);
}

TEST_F(DocumentsTest, ARoleCannotNameAKeyTwiceOrOneThatIsNotThere) {
  Root twice = world_.root;
  twice.release.keys.push_back(twice.release.keys.front());
  EXPECT_EQ(Root::parse(twice.serialise()).error().code, Code::kCorrupt);
  Root absent = world_.root;
  absent.release.keys.push_back({Digest::of("nobody"), {}, {}});
  EXPECT_EQ(Root::parse(absent.serialise()).error().code, Code::kCorrupt);
}

TEST_F(DocumentsTest, StatementsComeBack) {
  Statement statement = world_.statement("main", "two");
  EXPECT_EQ(*Statement::parse(statement.serialise()), statement);
  statement.base = world_.record.branches.at("main");
  EXPECT_EQ(*Statement::parse(statement.serialise()), statement);
  expect_strict(statement, {"base"});
}

TEST_F(DocumentsTest, RecordsComeBack) {
  ASSERT_EQ(world_.record.revision, 4U);
  ASSERT_EQ(world_.record.ancestors.size(), 1U);
  EXPECT_EQ(*Record::parse(world_.record.serialise()), world_.record);
  expect_strict(world_.record, {});
}

TEST_F(DocumentsTest, ARecordHasExactlyTheAncestorsOfItsRevision) {
  Record more = world_.record;
  more.ancestors[1] = Digest::of("record 1");
  EXPECT_EQ(Record::parse(more.serialise()).error().code, Code::kCorrupt);
  Record fewer = world_.record;
  fewer.ancestors.clear();
  EXPECT_EQ(Record::parse(fewer.serialise()).error().code, Code::kCorrupt);
  Record first = world_.record;
  first.revision = 1;
  first.ancestors.clear();
  EXPECT_EQ(Record::parse(first.serialise()).error().code, Code::kCorrupt);  // it has a predecessor
}

TEST_F(DocumentsTest, SnapshotsComeBack) {
  Snapshot snapshot;
  snapshot.repository = world_.root.repository;
  snapshot.tree = Digest::of("tree");
  snapshot.catalog = Digest::of("catalog");
  snapshot.parents = {Digest::of("one"), Digest::of("two")};
  snapshot.time = world_.now;
  snapshot.branch = "main";
  snapshot.message = "größer,\nschöner";
  snapshot.entries = 7;
  snapshot.bytes = 1234;
  EXPECT_EQ(*Snapshot::parse(snapshot.serialise()), snapshot);
  expect_strict(snapshot, {});
}

TEST_F(DocumentsTest, NamesComeBack) {
  Names names = world_.names;
  names.withdrawn[Digest::of("bad")] = {"a hole in openssl", world_.now};
  names.retention["main"] = {5, {}, world_.now};
  names.retention["test"] = {{}, 30 * 86400, world_.now};
  names.notes[Digest::of("good")] = {signed_by(Envelope::around("note", "{}"), {&world_.release_key})};
  EXPECT_EQ(*Names::parse(names.serialise()), names);
  expect_strict(names, {});
  names.retention["main"].keep_seconds = 5;
  EXPECT_EQ(Names::parse(names.serialise()).error().code, Code::kCorrupt);
}

TEST_F(DocumentsTest, TimestampsComeBack) {
  const Timestamp timestamp{world_.root.repository, 4, Digest::of("record"), world_.now, world_.now + 60};
  EXPECT_EQ(*Timestamp::parse(timestamp.serialise()), timestamp);
  expect_strict(timestamp, {});
}

TEST_F(DocumentsTest, BundlesAndTrustFilesComeBack) {
  const HeadBundle bundle{world_.roots, world_.record_envelope, world_.timestamp_envelope};
  EXPECT_EQ(*HeadBundle::parse(bundle.serialise()), bundle);
  expect_strict(bundle, {});
  EXPECT_EQ(*TrustFile::parse(world_.trust().serialise()), world_.trust());
  expect_strict(world_.trust(), {"minimum_revision"});
}

TEST_F(DocumentsTest, EnvelopesSignThePreAuthenticationEncoding) {
  const Envelope envelope{"hello world", "http://example.com/HelloWorld", {}};  // the example of the DSSE protocol
  EXPECT_EQ(envelope.signed_bytes(), "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(Envelope::around("record", "{}").kind(), "record");
  EXPECT_EQ(envelope.kind(), "");
}

TEST_F(DocumentsTest, SigningAgainReplacesTheOldSignature) {
  Envelope envelope = Envelope::around("record", "{}");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(envelope.sign(world_.release_key));
  ASSERT_TRUE(envelope.sign(world_.root_key));
  EXPECT_EQ(envelope.signatures.size(), 2U);
  EXPECT_EQ(*Envelope::parse(envelope.serialise()), envelope);
}

TEST(Identifiers, NamesHaveTheirForm) {
  for (const char* name : {"main", "a", "v1.0", "users/alice/test", "A+b_c-d", "1", "a/..b"})
    EXPECT_TRUE(is_ref_name(name)) << name;
  for (const char* name :
       {"", "/a", "a/", "a//b", ".", "..", "a/..", "a/./b", "-a", ".a", "a b", "a\n", "ä", "a~1", "a@b"})
    EXPECT_FALSE(is_ref_name(name)) << name;
  EXPECT_FALSE(is_ref_name(std::string(129, 'a')));
  EXPECT_TRUE(is_repository_name("sw.example.org"));
  for (const char* name : {"", "SW", "a_b", "a/b"}) EXPECT_FALSE(is_repository_name(name)) << name;
}

TEST(Identifiers, UuidsAreLowerCaseAndDiffer) {
  const std::string one = make_repository_uuid();
  EXPECT_TRUE(is_repository_uuid(one)) << one;
  EXPECT_EQ(one[14], '4');
  EXPECT_NE(one, make_repository_uuid());
  for (const char* text : {"", "0F8FAD5B-D9CB-469F-A165-70867728950E", "0f8fad5bd9cb469fa16570867728950e0000",
                           "../../../../../../../../etc/passwd123"})
    EXPECT_FALSE(is_repository_uuid(text)) << text;
}

TEST(Paths, AreAbsoluteAndInShortestForm) {
  EXPECT_EQ(*parse_absolute_path("/"), "");
  EXPECT_EQ(*parse_absolute_path("/usr/local"), "usr/local");
  for (const char* path : {"", "usr", "/usr/", "//", "/a//b", "/a/./b", "/a/../b", "/.."})
    EXPECT_FALSE(parse_absolute_path(path)) << path;
  EXPECT_TRUE(path_covers("", "anything"));
  EXPECT_TRUE(path_covers("usr/local", "usr/local/bin"));
  EXPECT_TRUE(path_covers("usr/local", "usr/local"));
  EXPECT_FALSE(path_covers("usr/local", "usr/localized"));
  EXPECT_FALSE(path_covers("usr/local", "usr"));
}

}  // namespace
}  // namespace granary
