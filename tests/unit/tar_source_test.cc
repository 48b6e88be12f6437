#include "server/tar_source.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>

#include "fs/base/file.h"
#include "fs/format/posix_acl.h"
#include "server/ingest.h"
#include "support/memory_catalog.h"
#include "support/memory_objects.h"

namespace granary {
namespace {
using testing::HasSubstr;

// Writes archives member by member, as pax or GNU tar would.
class TestTar {
 public:
  explicit TestTar(const std::string& path, bool gnu = false) : writer_(archive_write_new()) {
    if (gnu)
      archive_write_set_format_gnutar(writer_);
    else
      archive_write_set_format_pax(writer_);
    archive_write_set_bytes_in_last_block(writer_, 1);
    archive_write_open_filename(writer_, path.c_str());
  }
  ~TestTar() { archive_write_free(writer_); }
  TestTar(const TestTar&) = delete;
  TestTar& operator=(const TestTar&) = delete;

  archive_entry* member(const char* name, unsigned type = AE_IFREG, unsigned mode = 0644) {
    entry_ = archive_entry_new();
    archive_entry_set_pathname(entry_, name);
    archive_entry_set_filetype(entry_, type);
    archive_entry_set_perm(entry_, static_cast<mode_t>(mode));
    archive_entry_set_size(entry_, 0);
    return entry_;
  }
  TestTar& write(const Bytes& bytes = {}) {
    archive_entry_set_size(entry_, static_cast<la_int64_t>(bytes.size()));
    archive_write_header(writer_, entry_);
    archive_write_data(writer_, bytes.data(), bytes.size());
    archive_entry_free(entry_);
    return *this;
  }
  TestTar& file(const char* name, const Bytes& bytes, unsigned mode = 0644) {
    member(name, AE_IFREG, mode);
    return write(bytes);
  }
  TestTar& link(const char* name, const char* to) {
    archive_entry_set_hardlink(member(name), to);
    return write();
  }

 private:
  archive* writer_;
  archive_entry* entry_ = nullptr;
};

struct TarSourceTest : testing::Test {
  TemporaryDirectory directory = std::move(*TemporaryDirectory::make());
  const std::string tar = directory.path() + "/test.tar";
  MemoryObjects objects;
  MemoryCatalog catalog;

  Status publish(const std::string& path) {
    auto source = TRY(TarSource::open(path));
    Ingested ingested = TRY(ingest(*source, objects, nullptr, nullptr, &catalog, {}));
    return catalog.apply(ingested.changes);
  }
  Status publish() { return publish(tar); }
  Bytes read(const Bytes& path) {
    const Entry entry = *catalog.resolve(path);
    Bytes bytes;
    for (const Slice& slice : entry.slices) {
      bytes += slice.is_hole() ? Bytes(slice.length_bytes, '\0')
                               : objects.at(slice.object).substr(slice.offset_bytes, slice.length_bytes);
    }
    EXPECT_EQ(Digest::of(bytes), entry.node.digest);
    return bytes;
  }
  Error error() {
    const Status published = publish();
    return published ? Error{Code::kInternal, "it was taken"} : published.error();
  }
};

TEST_F(TarSourceTest, TakesMembersInAnyOrderAndMakesParents) {
  {
    TestTar writer(tar);
    writer.file("./usr/bin/tool", "#!", 04755).file("etc//motd", "hi");
    writer.member("usr/", AE_IFDIR, 0700);
    writer.write();
  }
  ASSERT_TRUE(publish());
  EXPECT_EQ(read("usr/bin/tool"), "#!");
  EXPECT_EQ(catalog.resolve("usr/bin/tool")->node.mode, 04755u);
  EXPECT_EQ(catalog.resolve("usr")->node.mode, 0700u);
  EXPECT_EQ(catalog.resolve("etc")->node.mode, 0755u);
  EXPECT_EQ(catalog.resolve("etc")->node.mtime, 0);
  EXPECT_EQ(read("etc/motd"), "hi");
}

TEST_F(TarSourceTest, OfRepeatedMembersTheLastOneCounts) {
  TestTar(tar).file("a", "old").file("d/x", "x").file("a", "new").file("d", "no directory any more");
  ASSERT_TRUE(publish());
  EXPECT_EQ(read("a"), "new");
  EXPECT_EQ(read("d"), "no directory any more");
  EXPECT_FALSE(catalog.resolve("d/x"));
}

TEST_F(TarSourceTest, HardLinksReferToEarlierMembers) {
  TestTar(tar).file("a", "x").link("b/c", "./a");
  ASSERT_TRUE(publish());
  EXPECT_EQ(catalog.resolve("a")->inode, catalog.resolve("b/c")->inode);
  EXPECT_EQ(catalog.resolve("a")->nlink, 2u);
}

TEST_F(TarSourceTest, AHardLinkToNowhereIsRefusedByName) {
  TestTar(tar).link("b", "missing").file("fine", "");
  EXPECT_THAT(error().message, HasSubstr("/b: it is a hard link to /missing"));
}

TEST_F(TarSourceTest, NamesThatLeadOutAreRefused) {
  TestTar(tar).file("/etc/passwd", "").file("a/../../b", "").file("lib/x", "");
  const Error refused = error();
  EXPECT_THAT(refused.message, HasSubstr("//etc/passwd: its name is absolute"));
  EXPECT_THAT(refused.message, HasSubstr("/a/../../b: its name leads out"));
}

TEST_F(TarSourceTest, NothingGoesThroughASymlink) {
  {
    TestTar writer(tar);
    archive_entry_set_symlink(writer.member("lib", AE_IFLNK), "usr/lib");
    writer.write().file("lib/x", "x");
  }
  EXPECT_THAT(error().message, HasSubstr("/lib/x: it lies below /lib, which is a symlink and no directory"));
}

TEST_F(TarSourceTest, TakesNamesOfAnyBytesFromPaxAndGnu) {
  const Bytes long_name = Bytes(250, 'n') + "/" + Bytes(250, 'm');
  for (const bool gnu : {false, true}) {
    const std::string path = directory.path() + (gnu ? "/gnu" : "/pax");
    TestTar(path, gnu).file("latin-\xe9", "1").file("decomposed-e\xcc\x81", "2").file(long_name.c_str(), "3");
    const Status published = publish(path);
    ASSERT_TRUE(published) << published.error().message;
    EXPECT_EQ(read("latin-\xe9"), "1");
    EXPECT_EQ(read("decomposed-e\xcc\x81"), "2");
    EXPECT_EQ(read(long_name), "3");
  }
}

TEST_F(TarSourceTest, TakesXattrsAclsDevicesAndTimes) {
  {
    TestTar writer(tar);
    archive_entry* file = writer.member("file", AE_IFREG, 0664);
    archive_entry_xattr_add_entry(file, "user.b", "\0\xff", 2);
    archive_entry_xattr_add_entry(file, "security.capability", "cap", 3);
    for (const auto& [tag, permissions, id] :
         std::vector<std::tuple<int, int, int>>{{ARCHIVE_ENTRY_ACL_USER_OBJ, 6, -1},
                                                {ARCHIVE_ENTRY_ACL_GROUP_OBJ, 4, -1},
                                                {ARCHIVE_ENTRY_ACL_OTHER, 4, -1},
                                                {ARCHIVE_ENTRY_ACL_MASK, 6, -1},
                                                {ARCHIVE_ENTRY_ACL_USER, 6, 1000}})
      archive_entry_acl_add_entry(file, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, permissions, tag, id, "");
    archive_entry_set_mtime(file, 1'700'000'000, 123'456'789);
    writer.write("x");
    archive_entry* device = writer.member("null", AE_IFCHR, 0666);
    archive_entry_set_rdevmajor(device, 1);
    archive_entry_set_rdevminor(device, 3);
    archive_entry_set_uid(device, 3'000'000'000);
    writer.write();
    writer.member("fifo", AE_IFIFO);
    writer.write();
  }
  ASSERT_TRUE(publish());
  const Node file = catalog.resolve("file")->node;
  ASSERT_EQ(file.xattrs.size(), 3u);
  EXPECT_EQ(file.xattrs[0], (Xattr{"security.capability", "cap"}));
  EXPECT_EQ(file.xattrs[1], (Xattr{"system.posix_acl_access", *encode_acl({{AclEntry::kOwner, 6},
                                                                           {AclEntry::kUser, 6, 1000},
                                                                           {AclEntry::kOwningGroup, 4},
                                                                           {AclEntry::kMask, 6},
                                                                           {AclEntry::kOther, 4}})}));
  EXPECT_EQ(file.xattrs[2], (Xattr{"user.b", Bytes("\0\xff", 2)}));
  EXPECT_EQ(file.mode, 0664u);  // the mask is the group's bits
  EXPECT_EQ(file.mtime_ns, 123'456'789u);
  const Node device = catalog.resolve("null")->node;
  EXPECT_EQ(device.type, NodeType::kCharDevice);
  EXPECT_EQ(device.device_minor, 3u);
  EXPECT_EQ(device.uid, 3'000'000'000u);
  EXPECT_EQ(catalog.resolve("fifo")->node.type, NodeType::kFifo);
}

TEST_F(TarSourceTest, SparseMembersStayApart) {
  {
    TestTar writer(tar);
    archive_entry* file = writer.member("sparse");
    archive_entry_sparse_add_entry(file, 1 << 20, 4096);
    archive_entry_sparse_add_entry(file, 9 << 20, 0);
    writer.write(Bytes(1 << 20, '\0') + Bytes(4096, 'i') + Bytes(8 << 20, '\0').substr(4096));
  }
  ASSERT_TRUE(publish());
  EXPECT_EQ(read("sparse").substr(1 << 20, 4096), Bytes(4096, 'i'));
  EXPECT_EQ(objects.total_bytes(), 4096u);
}

TEST_F(TarSourceTest, AnArchiveThatEndsTooEarlyIsRefusedWhereverItIsCut) {
  TestTar(tar).file("a", Bytes(700, 'a')).file("b", Bytes(100, 'b'));
  const Bytes whole = *read_file(tar, 1 << 20);
  ASSERT_TRUE(publish());
  for (size_t end = 0; end + 1024 < whole.size(); end += 100) {
    ASSERT_TRUE(replace_file(tar, whole.substr(0, end), 0644, Durability::kFast));
    EXPECT_FALSE(publish()) << end;
  }
  for (size_t end = 512; end + 1024 <= whole.size(); end += 512) {
    ASSERT_TRUE(replace_file(tar, whole.substr(0, end), 0644, Durability::kFast));
    EXPECT_FALSE(publish()) << end;
  }
}

TEST_F(TarSourceTest, WhatIsNoTarIsSaidToBeNone) {
  ASSERT_TRUE(replace_file(tar, Bytes(5000, 'x'), 0644, Durability::kFast));
  EXPECT_EQ(error().code, Code::kInvalid);
  ASSERT_TRUE(replace_file(tar, "", 0644, Durability::kFast));
  EXPECT_EQ(error().code, Code::kInvalid);
  EXPECT_EQ(TarSource::open(directory.path() + "/missing").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace granary
