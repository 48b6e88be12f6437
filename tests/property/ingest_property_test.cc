// Random trees, and one with everything a filesystem can hold, published in several ways: what is published is what was
// there, and the same tree has the same digest whatever way it came.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "fs/base/file.h"
#include "fs/format/catalog.h"
#include "fs/format/posix_acl.h"
#include "server/catalog_editor.h"
#include "server/directory_source.h"
#include "server/ingest.h"
#include "server/tar_source.h"
#include "support/memory_objects.h"

namespace granary {
namespace {
namespace filesystem = std::filesystem;

// A repository as far as ingest and catalogs go: a chain of snapshots.
struct Chain {
  MemoryObjects objects;
  TemporaryDirectory scratch = std::move(*TemporaryDirectory::make());
  std::optional<CatalogId> head;
  InodeNumber next_inode = kFirstFreeInode;
  std::string changed;  // paths, by the last publish

  // The tree digest.
  Result<Digest> publish(TreeSource& source) {
    std::unique_ptr<Catalog> base;
    if (head) base = TRY(Catalog::open(*head, objects));
    const Ingested ingested = TRY(ingest(source, objects, nullptr, nullptr, base.get(), {2, {}, {}}));
    changed.clear();
    for (const Change& change : ingested.changes.changes) {
      changed += str(" /", printable(change.path), " ", name_of(change.node.type), " mode=", change.node.mode,
                     " mtime=", change.node.mtime, ".", change.node.mtime_ns, " links=", change.link_group);
      for (const Xattr& xattr : change.node.xattrs)
        changed += str(" ", printable(xattr.name), "=", to_hex(xattr.value));
      changed += "\n";
    }
    const auto editor = TRY(CatalogEditor::open(head, objects, next_inode, scratch.path()));
    TRY(editor->apply(ingested.changes));
    const auto finished = TRY(editor->finish(objects));
    head = finished.catalog;
    next_inode = finished.next_inode;
    return finished.tree;
  }
  Result<Digest> publish_directory(const std::string& path) {
    const auto source = TRY(DirectorySource::open(path, {}));
    return publish(*source);
  }
  Result<Digest> publish_tar(const std::string& path) {
    const auto source = TRY(TarSource::open(path));
    return publish(*source);
  }
  // The digest recomputed from the rows, after every other check.
  Digest check() {
    const auto catalog = *Catalog::open(*head, objects);
    const auto digest = check_catalog(*catalog, objects, [](const Bytes& path, const std::string& what) {
      ADD_FAILURE() << "/" << printable(path) << ": " << what;
    });
    return digest ? *digest : Digest();
  }
};

int shell(const std::string& command) { return std::system(command.c_str()); }

// Changes a directory at random, in every way it knows.
class Gardener {
 public:
  Gardener(std::string top, uint64_t seed) : top_(std::move(top)), random_(seed) {}

  void tend(int steps) {
    for (int i = 0; i < steps; ++i) step();
  }

 private:
  size_t below(size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(random_); }

  std::string any(bool directory) {
    std::vector<std::string> found;
    if (directory) found.push_back(top_);
    for (const auto& entry : filesystem::recursive_directory_iterator(top_)) {
      if ((entry.symlink_status().type() == filesystem::file_type::directory) == directory)
        found.push_back(entry.path().string());
    }
    return found.empty() ? "" : found[below(found.size())];
  }

  std::string fresh() {
    const std::string names[] = {"a", "b-c", "b", "\xc3\xa9", "e\xcc\x81", "\xff", "long", "z"};
    return any(true) + "/" + names[below(8)] + std::to_string(below(30));
  }

  Bytes content() {
    const size_t sizes[] = {0, 1, 100, 5000, 131'071, 131'072, 700'000};
    Bytes bytes(sizes[below(7)], static_cast<char>('a' + below(4)));
    for (size_t i = 0; i < bytes.size(); i += 1 + below(997)) bytes[i] = static_cast<char>(below(256));
    return bytes;
  }

  void step() {
    const std::string place = fresh();
    const bool is_free = !exists(place);
    switch (below(12)) {
      case 0:
      case 1: {
        if (!is_free && !filesystem::is_regular_file(filesystem::symlink_status(place))) return;
        std::ofstream(place, std::ios::binary) << content();
        return;
      }
      case 2:
        if (is_free) filesystem::create_directory(place);
        return;
      case 3:
        if (is_free) filesystem::create_symlink("to/" + std::to_string(below(99)), place);
        return;
      case 4: {
        const std::string to = any(false);
        // GNU tar keeps hard links of regular files alone.
        if (is_free && !to.empty() && filesystem::is_regular_file(filesystem::symlink_status(to)))
          filesystem::create_hard_link(to, place);
        return;
      }
      case 5:
        if (is_free) ::mkfifo(place.c_str(), 0600);
        return;
      case 6: {
        const std::string victim = any(below(4) == 0);
        if (!victim.empty() && victim != top_) filesystem::remove_all(victim);
        return;
      }
      case 7: ::chmod(any(below(2) == 0).c_str(), static_cast<mode_t>(0700 | below(0100))); return;
      case 8: {
        const timespec times[2] = {
            {0, UTIME_OMIT},
            {static_cast<time_t>(below(2'000'000'000)) - 500'000'000, static_cast<long>(below(1'000'000'000))}};
        ::utimensat(AT_FDCWD, any(below(2) == 0).c_str(), times, AT_SYMLINK_NOFOLLOW);
        return;
      }
      case 9: {
        const std::string from = any(below(3) == 0);
        if (is_free && !from.empty() && from != top_ && !place.starts_with(from)) filesystem::rename(from, place);
        return;
      }
      case 10: {
        const std::string victim = any(false);
        if (!victim.empty() && filesystem::is_regular_file(filesystem::symlink_status(victim)))
          ::setxattr(victim.c_str(), "user.note", "n", 1, 0);
        return;
      }
      case 11: {
        const std::string victim = any(false);
        if (victim.empty() || !filesystem::is_regular_file(filesystem::symlink_status(victim))) return;
        std::ofstream(victim, std::ios::binary | std::ios::app) << "more";
        return;
      }
    }
  }

  const std::string top_;
  std::mt19937_64 random_;
};

std::string tar_of(const std::string& tree, const std::string& to, const std::string& options) {
  EXPECT_EQ(shell("tar -C " + tree + " -cf " + to + " --numeric-owner --xattrs --xattrs-include='*' " + options + " ."),
            0);
  return to;
}

TEST(IngestProperty, TheSameTreeHasTheSameDigestWhateverWayAndHistoryItHas) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const TemporaryDirectory world = std::move(*TemporaryDirectory::make());
  const std::string tree = world.path() + "/tree";
  filesystem::create_directory(tree);
  Gardener gardener(tree, seed);
  Chain history;
  for (int release = 0; release < 8; ++release) {
    gardener.tend(release == 0 ? 150 : 25);
    const auto grown = history.publish_directory(tree);
    ASSERT_TRUE(grown) << grown.error().message;
    EXPECT_EQ(history.check(), *grown);

    Chain at_once;
    EXPECT_EQ(*at_once.publish_directory(tree), *grown);
    const auto from_tar = at_once.publish_tar(tar_of(tree, world.path() + "/tar", "--format=posix --sort=name"));
    ASSERT_TRUE(from_tar) << from_tar.error().message;
    EXPECT_EQ(*from_tar, *grown);
    EXPECT_EQ(at_once.changed, "");
  }
}

// Everything at once; needs root for devices, capabilities and owners.
class Oddities {
 public:
  explicit Oddities(const std::string& top) : top_(top) {
    directory("plain", 0755);
    file("plain/empty", "");
    file("plain/text", "text\n");
    file("setuid", "#!", 04755);
    directory("sticky", 01777);
    file("capable", "x");
    const unsigned char capability[] = {1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    xattr("capable", "security.capability", Bytes(reinterpret_cast<const char*>(capability), sizeof capability));
    file("acl", "x", 0640);
    xattr("acl", "system.posix_acl_access", acl());
    xattr("plain", "system.posix_acl_default", acl());
    xattr("plain/text", "user.with=sign%", Bytes("\0\n\xff", 3));
    xattr("plain/text", "trusted.own", "t");
    filesystem::create_hard_link(at("plain/text"), at("sticky/linked"));
    filesystem::create_symlink(Bytes(4000, 't'), at("long-target"));
    ::mknod(at("null").c_str(), S_IFCHR | 0666, makedev(1, 3));
    ::mknod(at("disk").c_str(), S_IFBLK | 0660, makedev(259, 70000));
    ::mkfifo(at("fifo").c_str(), 0644);
    file("owned", "x");
    EXPECT_EQ(::chown(at("owned").c_str(), 3'000'000'000U, 4'000'000'000U), 0);
    file(Bytes(255, '\xfe'), "long name");
    file("n\xc3\xa9 \xe9\n\t", "odd name");
    sparse("sparse");
    Bytes large;
    for (uint32_t i = 0; large.size() < 3'000'000; ++i) large += std::to_string(i * 2654435761U);
    file("large", large);
    time("large", 1'700'000'000, 123'456'789);
    time("setuid", -77, 123'456'789);
    time("sticky", 4'000'000'000, 1);
    time("plain", -1'000'000'000, 0);
  }

 private:
  std::string at(const Bytes& name) const { return top_ + "/" + name; }
  void directory(const Bytes& name, mode_t mode) {
    filesystem::create_directory(at(name));
    ::chmod(at(name).c_str(), mode);
  }
  void file(const Bytes& name, const Bytes& bytes, mode_t mode = 0644) {
    std::ofstream(at(name), std::ios::binary) << bytes;
    ::chmod(at(name).c_str(), mode);
  }
  void xattr(const Bytes& name, const char* key, const Bytes& value) {
    EXPECT_EQ(::setxattr(at(name).c_str(), key, value.data(), value.size(), 0), 0)
        << key << " " << std::strerror(errno);
  }
  void time(const Bytes& name, time_t seconds, long nanoseconds) {
    const timespec times[2] = {{0, UTIME_OMIT}, {seconds, nanoseconds}};
    EXPECT_EQ(::utimensat(AT_FDCWD, at(name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }
  void sparse(const Bytes& name) {
    const UniqueFd fd = *open_file(at(name), O_WRONLY | O_CREAT, 0600);
    EXPECT_EQ(::ftruncate(fd.get(), 50'000'000), 0);
    EXPECT_TRUE(write_all_at(fd.get(), 8'192'000, Bytes(300'000, 'i')));
    EXPECT_TRUE(write_all_at(fd.get(), 40'000'000, "end"));
  }
  static Bytes acl() {
    return *encode_acl({{AclEntry::kOwner, 6},
                        {AclEntry::kUser, 7, 12345},
                        {AclEntry::kOwningGroup, 4},
                        {AclEntry::kGroup, 4, 54321},
                        {AclEntry::kMask, 7},
                        {AclEntry::kOther, 0}});
  }

  const std::string top_;
};

TEST(IngestProperty, EverythingAFilesystemHoldsComesThroughAsDirectoryAndAsTar) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root for devices, capabilities and owners";
  const TemporaryDirectory world = std::move(*TemporaryDirectory::make());
  const std::string tree = world.path() + "/tree";
  filesystem::create_directory(tree);
  const Oddities oddities(tree);
  Chain chain;
  const auto direct = chain.publish_directory(tree);
  ASSERT_TRUE(direct) << direct.error().message;
  EXPECT_EQ(chain.check(), *direct);

  const auto catalog = *Catalog::open(*chain.head, chain.objects);
  EXPECT_EQ(catalog->resolve("capable")->node.xattrs[0].name, "security.capability");
  EXPECT_EQ(catalog->resolve("acl")->node.xattrs[0].name, "system.posix_acl_access");
  EXPECT_EQ(catalog->resolve("plain/text")->node.xattrs.size(), 2u);
  EXPECT_EQ(catalog->resolve("sticky/linked")->nlink, 2u);
  EXPECT_EQ(catalog->resolve("disk")->node.device_minor, 70000u);
  EXPECT_EQ(catalog->resolve("owned")->node.gid, 4'000'000'000U);
  EXPECT_LT(chain.objects.total_bytes(), 5'000'000u);  // the sparse file's holes are nowhere

  for (const char* options : {"--format=posix --acls --sparse", "--format=posix --acls --sparse --zstd",
                              "--format=posix --acls --sparse-version=0.1 -S"}) {
    const auto from_tar = chain.publish_tar(tar_of(tree, world.path() + "/tar", options));
    ASSERT_TRUE(from_tar) << from_tar.error().message;
    EXPECT_EQ(*from_tar, *direct) << options;
    EXPECT_EQ(chain.changed, "");
  }

  // What no tar keeps: a hard link that is no regular file, and a socket.
  ASSERT_EQ(::link((tree + "/fifo").c_str(), (tree + "/plain/fifo").c_str()), 0);
  ASSERT_EQ(::mknod((tree + "/socket").c_str(), S_IFSOCK | 0600, 0), 0);
  const auto more = chain.publish_directory(tree);
  ASSERT_TRUE(more) << more.error().message;
  EXPECT_EQ(chain.check(), *more);
  const auto newest = *Catalog::open(*chain.head, chain.objects);
  EXPECT_EQ(newest->resolve("fifo")->inode, newest->resolve("plain/fifo")->inode);
  EXPECT_EQ(newest->resolve("socket")->node.type, NodeType::kSocket);
}

}  // namespace
}  // namespace granary
