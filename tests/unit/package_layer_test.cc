#include "builder/tree/package_layer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "fs/base/file.h"
#include "support/test_deb.h"

namespace granary {
namespace {

class PackageLayerTest : public testing::Test {
 protected:
  // The path of the package, and its digest.
  std::pair<std::string, Digest> package(const std::string& name, const TestDeb& deb) {
    const Bytes bytes = deb.bytes("xz");
    const std::string path = directory_->path() + "/" + name + ".deb";
    EXPECT_TRUE(replace_file(path, bytes, 0644, Durability::kFast));
    return {path, Digest::of(bytes)};
  }
  Result<std::vector<PackageLayer>> layers_of(const std::pair<std::string, Digest>& package) {
    return package_layers(layers(), std::span(&package.second, 1), std::span(&package.first, 1), 2);
  }
  std::string layers() const { return directory_->path() + "/layers"; }
  size_t things_in_layers() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(layers()), {}));
  }

  const Result<TemporaryDirectory> directory_ = TemporaryDirectory::make();
};

const TestDeb kHello = TestDeb("hello")
                           .directory("usr")
                           .file("usr/hello", "hi", 04755)
                           .hard_link("usr/same", "usr/hello")
                           .symlink("usr/link", "/etc");

TEST_F(PackageLayerTest, HoldsFilesAndWhatIsKnownOfThem) {
  const auto layers = layers_of(package("hello", kHello));
  ASSERT_TRUE(layers) << layers.error().message;
  const PackageLayer& layer = layers->front();
  ASSERT_EQ(layer.entries().size(), 5u);
  EXPECT_EQ(layer.entries()[2].digest, Digest::of("hi"));
  EXPECT_EQ(*read_file(layer.tree() + "/usr/same", 10), "hi");
  EXPECT_TRUE(layer.control_file("control").starts_with("Package: hello\n"));
  struct stat there {};
  ASSERT_EQ(::stat((layer.tree() + "/usr/hello").c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 07777, 0600u) << "no set-id file waits in a cache";
}

TEST_F(PackageLayerTest, IsMadeOnce) {
  const auto hello = package("hello", kHello);
  ASSERT_TRUE(layers_of(hello));
  std::filesystem::remove(hello.first);
  EXPECT_TRUE(layers_of(hello)) << "the package is not needed any more";
}

TEST_F(PackageLayerTest, ADamagedListIsNoticedAndTheLayerMadeAnew) {
  const auto hello = package("hello", kHello);
  ASSERT_TRUE(layers_of(hello));
  const std::string list = str(layers(), "/", hello.second.hex(), "-", PackageLayer::kFormat, "/package");
  Bytes bytes = *read_file(list, 1 << 20);
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(replace_file(list, bytes, 0600, Durability::kFast));
  EXPECT_EQ(PackageLayer::open(layers(), hello.second).error().code, Code::kCorrupt);
  const auto again = layers_of(hello);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(things_in_layers(), 1u);
}

TEST_F(PackageLayerTest, OfAnotherPackageUnderThatDigestNothingIsMade) {
  const auto hello = package("hello", kHello);
  const auto other = package("other", TestDeb("other"));
  const auto layers_made = layers_of({other.first, hello.second});
  ASSERT_FALSE(layers_made);
  EXPECT_EQ(layers_made.error().code, Code::kCorrupt);
  EXPECT_EQ(things_in_layers(), 0u);
}

TEST_F(PackageLayerTest, NothingIsWrittenThroughALinkOfThePackage) {
  const std::string outside = directory_->path() + "/outside";
  ASSERT_TRUE(make_directories(outside));
  const auto evil = package("evil", TestDeb("evil").symlink("a", outside).file("a/b", "x"));
  const auto made = layers_of(evil);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kInvalid) << made.error().message;
  EXPECT_TRUE(std::filesystem::is_empty(outside));
  EXPECT_EQ(things_in_layers(), 0u);
}

TEST_F(PackageLayerTest, LeftoversGoWhatIsInUseStays) {
  ASSERT_TRUE(make_directories(layers() + "/making.dead00/tree"));
  ASSERT_TRUE(make_directories(layers() + "/making.alive0/tree"));
  const auto alive = open_file(layers() + "/making.alive0", O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::flock(alive->get(), LOCK_EX), 0);
  ASSERT_TRUE(layers_of(package("hello", kHello)));
  EXPECT_FALSE(exists(layers() + "/making.dead00"));
  EXPECT_TRUE(exists(layers() + "/making.alive0"));
}

TEST_F(PackageLayerTest, ManyAtOnceMakeOne) {
  const auto hello = package("hello", kHello);
  std::vector<std::thread> makers;
  for (int i = 0; i < 4; ++i) makers.emplace_back([&] { EXPECT_TRUE(layers_of(hello)); });
  for (std::thread& maker : makers) maker.join();
  EXPECT_EQ(things_in_layers(), 1u);
}

}  // namespace
}  // namespace granary
