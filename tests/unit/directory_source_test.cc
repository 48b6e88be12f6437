#include "server/directory_source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <filesystem>
#include <fstream>

#include "fs/base/file.h"
#include "server/ingest.h"
#include "support/memory_catalog.h"
#include "support/memory_objects.h"

namespace granary {
namespace {
using testing::HasSubstr;

struct DirectorySourceTest : testing::Test {
  TemporaryDirectory directory = std::move(*TemporaryDirectory::make());
  MemoryObjects objects;
  MemoryCatalog catalog;
  ReadCounters counters;

  std::string at(const std::string& path) const { return directory.path() + "/" + path; }
  void write(const std::string& path, const Bytes& bytes) const {
    std::filesystem::create_directories(std::filesystem::path(at(path)).parent_path());
    std::ofstream(at(path), std::ios::binary) << bytes;
  }
  // Publishes the directory into the catalog.
  Status publish(DirectorySource::Options options = {}, StatCache* stats = nullptr) {
    auto source = TRY(DirectorySource::open(directory.path(), std::move(options)));
    Ingested ingested = TRY(ingest(*source, objects, nullptr, stats, &catalog, {2, {}, {}}));
    counters = ingested.counters;
    return catalog.apply(ingested.changes);
  }
  Bytes read(const Bytes& path) {
    const Entry entry = *catalog.resolve(path);
    Bytes bytes;
    for (const Slice& slice : entry.slices) {
      bytes += slice.is_hole() ? Bytes(slice.length_bytes, '\0')
                               : objects.at(slice.object).substr(slice.offset_bytes, slice.length_bytes);
    }
    EXPECT_EQ(bytes.size(), entry.node.size_bytes);
    EXPECT_EQ(Digest::of(bytes), entry.node.digest);
    return bytes;
  }
};

TEST_F(DirectorySourceTest, TakesFilesSmallAndLargeDirectoriesAndLinks) {
  write("etc/motd", "hi\n");
  write("empty", "");
  Bytes large;
  for (int i = 0; i < 100'000; ++i) large += str(i);
  write("large", large);
  std::filesystem::create_symlink("../nowhere", at("etc/link"));
  ASSERT_TRUE(publish());
  EXPECT_EQ(read("etc/motd"), "hi\n");
  EXPECT_EQ(read("empty"), "");
  EXPECT_EQ(read("large"), large);
  EXPECT_EQ(catalog.resolve("etc/link")->node.target, "../nowhere");
  EXPECT_EQ(counters.entries, 6u);
  EXPECT_EQ(counters.files_read, 3u);
}

TEST_F(DirectorySourceTest, TakesModesAndTimesToTheNanosecond) {
  write("file", "x");
  ASSERT_EQ(::chmod(at("file").c_str(), 06751), 0);
  const timespec times[2] = {{0, 0}, {-77, 123'456'789}};
  ASSERT_EQ(::utimensat(AT_FDCWD, at("file").c_str(), times, 0), 0);
  ASSERT_TRUE(publish());
  const Node node = catalog.resolve("file")->node;
  EXPECT_EQ(node.mode, 06751u);
  EXPECT_EQ(node.mtime, -77);
  EXPECT_EQ(node.mtime_ns, 123'456'789u);
  EXPECT_EQ(node.uid, ::getuid());
}

TEST_F(DirectorySourceTest, HardLinksInsideTheTreeAreOneInodeAndOthersAreNot) {
  TemporaryDirectory outside = std::move(*TemporaryDirectory::make());
  write("a/one", "x");
  write("lonely", "y");
  std::filesystem::create_hard_link(at("a/one"), at("two"));
  std::filesystem::create_hard_link(at("lonely"), outside.path() + "/elsewhere");
  ASSERT_TRUE(publish());
  EXPECT_EQ(catalog.resolve("a/one")->inode, catalog.resolve("two")->inode);
  EXPECT_EQ(catalog.resolve("two")->nlink, 2u);
  EXPECT_EQ(catalog.resolve("lonely")->nlink, 1u);
  EXPECT_EQ(counters.files_read, 2u);
}

TEST_F(DirectorySourceTest, TakesFifosSocketsAndNamesOfAnyBytes) {
  ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
  ASSERT_EQ(::mknod(at("socket").c_str(), S_IFSOCK | 0600, 0), 0);
  const Bytes odd = Bytes("\xff\x01 \n") + Bytes(250, 'n');
  write(odd, "x");
  ASSERT_TRUE(publish());
  EXPECT_EQ(catalog.resolve("fifo")->node.type, NodeType::kFifo);
  EXPECT_EQ(catalog.resolve("socket")->node.type, NodeType::kSocket);
  EXPECT_EQ(read(odd), "x");
}

TEST_F(DirectorySourceTest, TakesUserXattrsSorted) {
  write("file", "x");
  if (::setxattr(at("file").c_str(), "user.b", "2", 1, 0) != 0) GTEST_SKIP() << "no user xattrs here";
  ::setxattr(at("file").c_str(), "user.a", "\0\xff", 2, 0);
  ASSERT_TRUE(publish());
  EXPECT_EQ(catalog.resolve("file")->node.xattrs,
            (std::vector<Xattr>{{"user.a", Bytes("\0\xff", 2)}, {"user.b", "2"}}));
}

TEST_F(DirectorySourceTest, SparseFilesStayApart) {
  const UniqueFd fd = *open_file(at("sparse"), O_WRONLY | O_CREAT, 0644);
  ASSERT_EQ(::ftruncate(fd.get(), 64 << 20), 0);
  ASSERT_TRUE(write_all_at(fd.get(), 32 << 20, "island"));
  ASSERT_TRUE(publish());
  EXPECT_LE(objects.total_bytes(), 8192u);
  EXPECT_EQ(read("sparse").substr(32 << 20, 6), "island");
}

TEST_F(DirectorySourceTest, DeepTreesNeedNeitherDescriptorsNorShortPaths) {
  // 60 levels of long names are more than the kernel takes in one path.
  Bytes path;
  UniqueFd above = *open_file(directory.path(), O_RDONLY | O_DIRECTORY);
  const Bytes name(200, 'd');
  for (int i = 0; i < 60; ++i) {
    ASSERT_EQ(::mkdirat(above.get(), name.c_str(), 0755), 0);
    above.reset(::openat(above.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
    path += name + "/";
  }
  const UniqueFd file(::openat(above.get(), "leaf", O_WRONLY | O_CREAT, 0644));
  ASSERT_TRUE(write_all(file.get(), "deep"));
  ASSERT_TRUE(publish());
  EXPECT_EQ(read(path + "leaf"), "deep");
}

TEST_F(DirectorySourceTest, WhatCannotBeReadIsRefusedByNameAllOfItAtOnce) {
  if (::getuid() == 0) GTEST_SKIP() << "root may read everything";
  for (const char* name : {"a/secret", "b/secret", "fine"}) write(name, "x");
  ::chmod(at("a/secret").c_str(), 0);
  ::chmod(at("b").c_str(), 0);
  const Status published = publish();
  ::chmod(at("b").c_str(), 0700);
  EXPECT_EQ(published.error().code, Code::kPermission);
  EXPECT_THAT(published.error().message, HasSubstr("/b: "));
}

TEST_F(DirectorySourceTest, TheRepositoryItselfIsRefused) {
  write("srv/repository/head.json", "{}");
  DirectorySource::Options options;
  options.repository = at("srv/repository");
  EXPECT_THAT(publish(std::move(options)).error().message, HasSubstr("/srv/repository: this is the repository itself"));
}

TEST_F(DirectorySourceTest, ASourceThatIsNoDirectoryIsSaidToBeNone) {
  EXPECT_EQ(DirectorySource::open(at("missing"), {}).error().code, Code::kNotFound);
}

TEST_F(DirectorySourceTest, RefusalsOfTheCallerNameTheEntry) {
  for (int i = 0; i < 30; ++i) write(str("file", i + 10), "x");
  DirectorySource::Options options;
  options.interpret = [](ByteView path, HostEntry&) -> Status {
    if (path.starts_with("file")) return Error{Code::kUnsupported, "not liked"};
    return Done{};
  };
  const Error error = publish(std::move(options)).error();
  EXPECT_EQ(error.code, Code::kUnsupported);
  EXPECT_THAT(error.message, HasSubstr("/file10: not liked"));
  EXPECT_THAT(error.message, HasSubstr("/file29: not liked"));
}

// A stat cache in memory.
struct MemoryStats : StatCache {
  std::map<Bytes, std::pair<FileStat, Content>> known;
  std::optional<Content> find(ByteView, ByteView path, const FileStat& stat) override {
    const auto at = known.find(Bytes(path));
    if (at == known.end() || at->second.first != stat) return std::nullopt;
    return at->second.second;
  }
  void remember(ByteView, ByteView path, const FileStat& stat, const Digest& digest) override {
    known[Bytes(path)] = {stat, {digest, stat.size_bytes, {Slice{Digest::of("somewhere"), 0, stat.size_bytes}}}};
  }
};

TEST_F(DirectorySourceTest, FilesAtRestAreRecognisedAndFreshOnesAreNotTrusted) {
  MemoryStats stats;
  write("fresh", "changed a moment ago");
  ASSERT_TRUE(publish({}, &stats));
  EXPECT_TRUE(stats.known.empty());  // it might change again within the same tick

  const UniqueFd fd = *open_file(at("fresh"), O_RDONLY);
  stats.remember("", "fresh", *read_stat(fd.get()), Digest::of("changed a moment ago"));
  ASSERT_TRUE(publish({}, &stats));
  EXPECT_EQ(counters.files_recognised, 1u);
  EXPECT_EQ(counters.files_read, 0u);
}

}  // namespace
}  // namespace granary
