#include "builder/closure/resolve.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "builder/archive/apt_archives.h"
#include "builder/closure/clasp.h"
#include "support/apt_world.h"
#include "support/faulty_server.h"

namespace granary {
namespace {

constexpr UnixSeconds kNow = 1'784'000'000;  // 14 July 2026

class ResolveTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!AptWorld::can_be_made()) GTEST_SKIP() << "gpg is missing";
    world_ = std::make_unique<AptWorld>();
    world_->add("bookworm", "base-files", "12", "Essential: yes\nDepends: libc\n");
    world_->add("bookworm", "libc", "2.36");
    world_->add("bookworm", "editor", "1", "Depends: libc, runtime\n");
    world_->add("bookworm", "runtime", "1");
    world_->add("bookworm", "server", "1", "Depends: runtime, ssl\n");
    world_->add("bookworm", "ssl", "1");
    world_->publish("bookworm");
    recipe_.name = "own";
    recipe_.suite = "bookworm";
    recipe_.architecture = "amd64";
    recipe_.wishes = {{"parent", {"editor"}, {}}, {"own", {"server"}, {}}};
  }

  Result<Resolved> resolve(const std::string& cache = "cache") {
    AptArchives source(world_->sources(url_), work_->path() + "/" + cache, options());
    Clasp clasp;
    return granary::resolve(recipe_, source, clasp, {work_->path() + "/" + cache, now_, [](const std::string&) {}});
  }
  static DownloadOptions options() {
    DownloadOptions options;
    options.first_pause = std::chrono::milliseconds(1);
    return options;
  }
  Code code_of_failure() {
    const auto resolved = resolve();
    if (resolved) return Code::kInternal;
    message_ = resolved.error().message;
    return resolved.error().code;
  }
  Status verify(const Lock& lock) {
    AptArchives source(world_->sources(url_), work_->path() + "/cache", options());
    return verify_lock(lock, source, "");
  }
  static std::string names(const Lock& lock, uint32_t layer) {
    std::string text;
    for (const LockedPackage& package : lock.packages) {
      if (package.layer == layer) text += (text.empty() ? "" : " ") + package.name;
    }
    return text;
  }

  Result<TemporaryDirectory> work_ = TemporaryDirectory::make();
  std::unique_ptr<AptWorld> world_;
  Recipe recipe_;
  std::string url_;
  std::string message_;
  UnixSeconds now_ = kNow;
};

TEST_F(ResolveTest, ALockHasEverythingInLayersAndInOrder) {
  const auto resolved = resolve();
  ASSERT_TRUE(resolved) << resolved.error().message;
  const Lock& lock = resolved->lock;
  EXPECT_EQ(lock.layers, (std::vector<std::string>{"core", "parent", "own"}));
  EXPECT_EQ(names(lock, 0), "libc base-files");
  EXPECT_EQ(names(lock, 1), "runtime editor");
  EXPECT_EQ(names(lock, 2), "ssl server");
  EXPECT_EQ(lock.package_count, 6U);
  EXPECT_EQ(lock.solver, "propagation");
  EXPECT_EQ(format_utc(lock.source_date_epoch), "2026-07-11T10:16:37Z");
  ASSERT_EQ(lock.releases.size(), 1U);
  EXPECT_EQ(lock.releases[0].inrelease, Digest::of(resolved->releases[0].inrelease));
  ASSERT_EQ(lock.indices.size(), 1U);
  EXPECT_EQ(lock.indices[0].path, "main/binary-amd64/Packages.xz");
  EXPECT_EQ(lock.indices[0].digest, Digest::of(resolved->indices[0]));
  const LockedPackage& package = lock.packages.back();
  EXPECT_EQ(package.digest, Digest::of(AptWorld::deb_of("server", "1")));
  EXPECT_EQ(*Lock::parse(lock.serialise()), lock);
}

TEST_F(ResolveTest, TheSameRecipeAndIndicesGiveTheSameLockByteForByte) {
  const auto first = resolve("one"), second = resolve("two"), third = resolve("two");
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ(first->lock.serialise(), second->lock.serialise());
  EXPECT_EQ(second->lock.serialise(), third->lock.serialise());
}

TEST_F(ResolveTest, WhatNobodyAskedForMayBeMissingAndIsSaid) {
  const auto resolved = resolve();
  ASSERT_TRUE(resolved);
  ASSERT_EQ(resolved->notes.size(), 2U);
  EXPECT_NE(resolved->notes[0].find("without debian bookworm-updates"), std::string::npos) << resolved->notes[0];
  EXPECT_NE(resolved->notes[1].find("without debian-security bookworm-security"), std::string::npos);
  recipe_.archives = {{"debian", {}, "bookworm", {}, {}}, {"debian", {}, "bookworm-updates", {}, {}}};
  EXPECT_EQ(code_of_failure(), Code::kNotFound);
}

TEST_F(ResolveTest, VersionsOfAllArchivesCompete) {
  world_->add("bookworm-updates", "runtime", "2");
  world_->publish("bookworm-updates");
  const auto resolved = resolve();
  ASSERT_TRUE(resolved);
  const auto& packages = resolved->lock.packages;
  const auto runtime =
      std::find_if(packages.begin(), packages.end(), [](const LockedPackage& each) { return each.name == "runtime"; });
  EXPECT_EQ(runtime->version, "2");
  EXPECT_EQ(resolved->lock.releases[resolved->lock.indices[runtime->index].release].suite, "bookworm-updates");
}

TEST_F(ResolveTest, PackagesOfALockAreFetchedAndCompared) {
  const auto resolved = resolve();
  ASSERT_TRUE(resolved);
  AptArchives source(world_->sources(), work_->path() + "/cache", options());
  const std::vector<uint32_t> numbers{5, 0};
  const auto paths = source.packages(resolved->lock, numbers, [](const FetchProgress&) {});
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(*read_file(paths->front(), 1000), AptWorld::deb_of("server", "1"));
  ASSERT_TRUE(remove_tree(world_->directory() + "/pool"));
  EXPECT_TRUE(source.packages(resolved->lock, numbers, [](const FetchProgress&) {}));
  const std::vector<uint32_t> other{1};
  EXPECT_EQ(source.packages(resolved->lock, other, [](const FetchProgress&) {}).error().code, Code::kNotFound);
}

TEST_F(ResolveTest, AStrangersSignatureStops) {
  AptWorld::SuiteOptions options;
  options.sign = false;
  world_->publish("bookworm", options);
  EXPECT_EQ(code_of_failure(), Code::kUntrusted);
  EXPECT_NE(message_.find("archive debian, suite bookworm"), std::string::npos) << message_;
}

TEST_F(ResolveTest, AnExpiredReleaseStops) {
  AptWorld::SuiteOptions options;
  options.valid_until = "Mon, 13 Jul 2026 10:16:37 UTC";
  world_->publish("bookworm", options);
  EXPECT_EQ(code_of_failure(), Code::kExpired);
  now_ = kNow - 2 * 86400;
  EXPECT_TRUE(resolve());
}

TEST_F(ResolveTest, AnotherSuitesReleaseStops) {
  world_->publish("trixie");
  const std::string dists = world_->directory() + "/dists/";
  ASSERT_TRUE(replace_file(dists + "bookworm/InRelease", *read_file(dists + "trixie/InRelease", 1 << 20), 0644,
                           Durability::kFast));
  EXPECT_EQ(code_of_failure(), Code::kMixAndMatch);
}

TEST_F(ResolveTest, AnIndexThatTheReleaseDoesNotNameIsCorrupt) {
  const std::string index = world_->directory() + "/dists/bookworm/main/binary-amd64/Packages.xz";
  Bytes bytes = *read_file(index, 1 << 20);
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(replace_file(index, bytes, 0644, Durability::kFast));
  EXPECT_EQ(code_of_failure(), Code::kCorrupt);
}

TEST_F(ResolveTest, AnArchiveThatCannotBeReachedIsNamedWithWhatToCheck) {
  FaultyServer server;
  server.go_down();
  url_ = server.url() + "/debian";
  EXPECT_EQ(code_of_failure(), Code::kUnavailable);
  for (const char* part : {"archive debian, suite bookworm", "http_proxy", "127.0.0.1"})
    EXPECT_NE(message_.find(part), std::string::npos) << message_;
}

TEST_F(ResolveTest, ThroughHttpTheSameComesOut) {
  const auto from_file = resolve("file");
  FaultyServer server;
  server.serve_directory(world_->directory());
  url_ = server.url();
  const auto from_http = resolve("http");
  ASSERT_TRUE(from_file && from_http) << from_http.error().message;
  EXPECT_EQ(from_file->lock.serialise(), from_http->lock.serialise());
}

TEST_F(ResolveTest, ADamagedPlainIndexInTheCacheHeals) {
  ASSERT_TRUE(resolve());
  const Digest plain =
      Digest::of(*read_file(world_->directory() + "/dists/bookworm/main/binary-amd64/Packages", 1 << 20));
  const std::string kept = work_->path() + "/cache/indices/" + plain.hex();
  Bytes bytes = *read_file(kept, 1 << 20);
  bytes.back() ^= 1;
  ASSERT_TRUE(replace_file(kept, bytes, 0644, Durability::kFast));
  EXPECT_TRUE(resolve());
  EXPECT_EQ(Digest::of(*read_file(kept, 1 << 20)), plain);
}

TEST_F(ResolveTest, ALockIsVerifiedAgainstItsEvidence) {
  const auto resolved = resolve();
  ASSERT_TRUE(resolved);
  const Status good = verify(resolved->lock);
  EXPECT_TRUE(good) << good.error().message;
  Lock forged = resolved->lock;
  forged.packages[1].digest = Digest::of("other");
  EXPECT_EQ(verify(forged).error().code, Code::kUntrusted);
  forged = resolved->lock;
  forged.indices[0].digest = Digest::of("other");
  EXPECT_EQ(verify(forged).error().code, Code::kUntrusted);
  forged = resolved->lock;
  forged.releases[0].date += 1;
  EXPECT_FALSE(verify(forged));
}

TEST_F(ResolveTest, AReleaseThatExpiredSinceTheLockStillCounts) {
  AptWorld::SuiteOptions options;
  options.valid_until = "Mon, 13 Jul 2026 10:16:37 UTC";
  world_->publish("bookworm", options);
  now_ = kNow - 2 * 86400;
  const auto resolved = resolve();
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_TRUE(verify(resolved->lock));
}

}  // namespace
}  // namespace granary
