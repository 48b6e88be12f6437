#include "builder/debian/deb_file.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "fs/base/file.h"
#include "support/test_deb.h"

namespace granary {
namespace {

Result<DebFile> read(const Bytes& bytes) {
  UniqueFd file(::memfd_create("deb", MFD_CLOEXEC));
  EXPECT_TRUE(write_all(file.get(), bytes));
  return DebFile::read(std::move(file), "test.deb");
}

class Collector : public DebReceiver {
 public:
  Status entry(const DebEntry& entry) override {
    entries.push_back(entry);
    return Done{};
  }
  Status content(ByteView bytes) override {
    contents[entries.back().path] += bytes;
    return Done{};
  }
  std::vector<DebEntry> entries;
  std::map<std::string, Bytes> contents;
};

Status data_of(const Bytes& bytes) {
  const DebFile deb = TRY(read(bytes));
  Collector collector;
  return deb.data(collector);
}

TEST(DebFile, HandsOverEntriesInTheOrderOfTheArchive) {
  const TestDeb made = TestDeb("hello")
                           .directory("usr")
                           .file("usr/hello", "hi", 04755)
                           .symlink("usr/h", "hello")
                           .hard_link("usr/same", "usr/hello");
  for (const char* const compression : {"", "gz", "xz", "zst"}) {
    const auto deb = read(made.bytes(compression));
    ASSERT_TRUE(deb) << compression << ": " << deb.error().message;
    Collector collector;
    ASSERT_TRUE(deb->data(collector));
    ASSERT_EQ(collector.entries.size(), 5u);
    EXPECT_EQ(collector.entries[0].path, "");
    EXPECT_EQ(collector.entries[1].type, DebEntry::Type::kDirectory);
    EXPECT_EQ(collector.entries[2].path, "usr/hello");
    EXPECT_EQ(collector.entries[2].mode, 04755);
    EXPECT_EQ(collector.entries[2].mtime, 1'500'000'000);
    EXPECT_EQ(collector.entries[3].target, "hello");
    EXPECT_EQ(collector.entries[4].type, DebEntry::Type::kHardLink);
    EXPECT_EQ(collector.entries[4].target, "usr/hello");
    EXPECT_EQ(collector.contents["usr/hello"], "hi");
    const auto control = deb->control();
    ASSERT_TRUE(control);
    EXPECT_TRUE(control->at("control").content.starts_with("Package: hello\n"));
  }
}

TEST(DebFile, OddSizesAndPartsOfOthersDoNotConfuseIt) {
  Bytes bytes = TestDeb("odd").file("x", "123").bytes();
  bytes.insert(8 + 60 + 4, TestDeb::part("_gpgorigin", "odd"));
  EXPECT_TRUE(data_of(bytes)) << data_of(bytes).error().message;
}

TEST(DebFile, NamesThatLeaveTheTreeAreRefused) {
  for (const char* const name : {"../etc/passwd", "/etc/passwd", "./usr/../../etc/passwd", "usr/.."}) {
    TestDeb deb("evil");
    deb.add({name, AE_IFREG, 0644, "x"});
    const Status status = data_of(deb.bytes());
    ASSERT_FALSE(status) << name;
    EXPECT_EQ(status.error().code, Code::kInvalid) << status.error().message;
  }
  const Status link = data_of(TestDeb("evil").hard_link("x", "../../etc/shadow").bytes());
  ASSERT_FALSE(link);
  EXPECT_EQ(link.error().code, Code::kInvalid);
}

TEST(DebFile, WhatIsNoPackageIsCorrupt) {
  EXPECT_EQ(read("").error().code, Code::kCorrupt);
  EXPECT_EQ(read("!<arch>\n").error().code, Code::kCorrupt);
  EXPECT_EQ(read("!<arch>\n" + TestDeb::part("debian-binary", "2.0\n")).error().code, Code::kCorrupt);
  EXPECT_EQ(read("PK\3\4 something else entirely").error().code, Code::kCorrupt);
}

TEST(DebFile, ANewerFormatOrAnotherCompressionIsUnsupported) {
  EXPECT_EQ(read("!<arch>\n" + TestDeb::part("debian-binary", "3.0\n")).error().code, Code::kUnsupported);
  EXPECT_EQ(read(TestDeb("old").bytes("bz2")).error().code, Code::kUnsupported);
}

TEST(DebFile, ADamagedOneIsCorruptWhereverItWasCut) {
  const Bytes whole = TestDeb("cut").file("usr/x", Bytes(50'000, 'x')).bytes("gz");
  for (size_t size = 0; size < whole.size(); size += 37) {
    const Status status = data_of(whole.substr(0, size));
    ASSERT_FALSE(status) << size;
    EXPECT_EQ(status.error().code, Code::kCorrupt) << size << ": " << status.error().message;
  }
}

TEST(DebFile, WithoutAControlFileItIsCorrupt) {
  const Bytes made = TestDeb("x").bytes();
  const Bytes bytes = "!<arch>\n" + TestDeb::part("debian-binary", "2.0\n") +
                      TestDeb::part("control.tar", Bytes(10240, '\0')) + made.substr(made.find("data.tar"));
  const auto deb = read(bytes);
  ASSERT_TRUE(deb);
  EXPECT_EQ(deb->control().error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace granary
