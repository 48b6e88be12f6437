#include "builder/archive/downloads.h"

#include <gtest/gtest.h>

#include "fs/base/file.h"
#include "support/faulty_server.h"

namespace granary {
namespace {

DownloadOptions impatient() {
  DownloadOptions options;
  options.connect_timeout = std::chrono::milliseconds(2000);
  options.stall_timeout = std::chrono::seconds(1);
  options.attempts = 3;
  options.first_pause = std::chrono::milliseconds(1);
  return options;
}

class DownloadsTest : public testing::Test {
 protected:
  WantedFile wanted_of(const std::vector<std::string>& urls, const Bytes& body) {
    return {urls, body.size(), Digest::of(body), "a file"};
  }
  WantedFile wanted(const std::string& path, const Bytes& body) {
    return wanted_of({server_.url() + "/" + path}, body);
  }

  Result<std::vector<std::string>> fetch(const std::vector<WantedFile>& files) {
    return downloads_.fetch(files, [&](const FetchProgress& progress) { last_ = progress; });
  }
  std::string part_of(const Bytes& body) const {
    const std::string hex = Digest::of(body).hex();
    return work_->path() + "/cache/sha256/" + hex.substr(0, 2) + "/" + hex + ".part";
  }

  FaultyServer server_;
  Result<TemporaryDirectory> work_ = TemporaryDirectory::make();
  Downloads downloads_{work_->path() + "/cache", impatient()};
  FetchProgress last_;
  const Bytes body_ = Bytes(300'000, 'x') + "end";
};

TEST_F(DownloadsTest, FilesAreFetchedOnceAndKeptByDigest) {
  server_.add("a", "one");
  server_.add("b", body_);
  const auto paths = fetch({wanted("a", "one"), wanted("b", body_), wanted("a", "one")});
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(*read_file((*paths)[0], 100), "one");
  EXPECT_EQ(*read_file((*paths)[1], 1 << 20), body_);
  EXPECT_EQ((*paths)[2], (*paths)[0]);
  EXPECT_EQ(last_.files, 2U);
  EXPECT_EQ(last_.bytes, last_.bytes_total);
  ASSERT_TRUE(fetch({wanted("a", "one")}));
  EXPECT_EQ(server_.requests("a"), 1U);
}

TEST_F(DownloadsTest, WhatFailsForAMomentIsTriedAgain) {
  server_.add("a", body_);
  server_.then("a", Fault::kServerError).then("a", Fault::kReset);
  EXPECT_TRUE(fetch({wanted("a", body_)}));
  EXPECT_EQ(server_.requests("a"), 3U);
}

TEST_F(DownloadsTest, ATruncatedAnswerIsGoneOnWith) {
  server_.add("a", body_);
  server_.then("a", Fault::kTruncate);
  EXPECT_TRUE(fetch({wanted("a", body_)}));
  EXPECT_EQ(server_.requests("a"), 2U);
  EXPECT_NE(server_.last_header("a").find("Range: bytes="), std::string::npos) << server_.last_header("a");
}

TEST_F(DownloadsTest, APartLeftBehindIsGoneOnWith) {
  const std::string source = work_->path() + "/source";
  ASSERT_TRUE(replace_file(source, body_, 0644, Durability::kFast));
  ASSERT_TRUE(make_directories(part_of(body_).substr(0, part_of(body_).rfind('/'))));
  for (const Bytes& part : {body_.substr(0, 1000), Bytes("wrong bytes"), body_ + "too long", body_}) {
    ASSERT_TRUE(replace_file(part_of(body_), part, 0644, Durability::kFast));
    const auto paths = fetch({wanted_of({"file://" + source}, body_)});
    ASSERT_TRUE(paths) << paths.error().message;
    EXPECT_EQ(*read_file(paths->front(), 1 << 20), body_);
    EXPECT_FALSE(exists(part_of(body_)));
    ASSERT_TRUE(remove_tree(paths->front()));
  }
}

TEST_F(DownloadsTest, DamagedBytesAreFetchedOnceMorePastCaches) {
  server_.add("a", body_);
  server_.then("a", Fault::kFlipBit);
  EXPECT_TRUE(fetch({wanted("a", body_)}));
  EXPECT_EQ(server_.past_caches("a"), 1U);
}

TEST_F(DownloadsTest, WhatStaysDamagedIsCorruptAndNotKept) {
  for (const Fault fault : {Fault::kFlipBit, Fault::kHtml, Fault::kEndless}) {
    server_.add("a", body_);
    server_.always("a", fault);
    const auto paths = fetch({wanted("a", body_)});
    ASSERT_FALSE(paths);
    EXPECT_EQ(paths.error().code, Code::kCorrupt) << paths.error().message;
    EXPECT_FALSE(exists(part_of(body_).substr(0, part_of(body_).size() - 5)));
  }
}

TEST_F(DownloadsTest, ADamagedFileInTheFolderIsFetchedAnew) {
  server_.add("a", body_);
  const auto paths = fetch({wanted("a", body_)});
  ASSERT_TRUE(paths);
  Bytes damaged = body_;
  damaged[1000] = 'y';
  ASSERT_TRUE(replace_file(paths->front(), damaged, 0644, Durability::kFast));
  ASSERT_TRUE(fetch({wanted("a", body_)}));
  EXPECT_EQ(*read_file(paths->front(), 1 << 20), body_);
}

TEST_F(DownloadsTest, TheNextUrlIsAskedWhenOneHasItNot) {
  server_.add("b", "two");
  EXPECT_TRUE(fetch({wanted_of({server_.url() + "/a", server_.url() + "/b"}, "two")}));
  EXPECT_TRUE(fetch({wanted_of({"file:///nonesuch", server_.url() + "/b"}, "two")}));
}

TEST_F(DownloadsTest, WhatNobodyHasIsNotFound) {
  EXPECT_EQ(fetch({wanted("a", "one")}).error().code, Code::kNotFound);
  EXPECT_EQ(server_.requests("a"), 1U);
  EXPECT_EQ(fetch({wanted_of({"file:///nonesuch"}, "one")}).error().code, Code::kNotFound);
}

TEST_F(DownloadsTest, WhoCannotBeReachedIsUnavailableAfterSomeAttempts) {
  server_.go_down();
  const auto paths = fetch({wanted("a", "one")});
  ASSERT_FALSE(paths);
  EXPECT_EQ(paths.error().code, Code::kUnavailable);
  EXPECT_NE(paths.error().message.find(server_.url()), std::string::npos) << paths.error().message;
}

TEST_F(DownloadsTest, ManyFilesComeSideBySide) {
  std::vector<WantedFile> files;
  for (int n = 0; n < 100; ++n) {
    const std::string path = str("file", n);
    server_.add(path, "body of " + path);
    if (n % 7 == 0) server_.then(path, Fault::kServerError);
    files.push_back(wanted(path, "body of " + path));
  }
  const auto paths = fetch(files);
  ASSERT_TRUE(paths) << paths.error().message;
  for (int n = 0; n < 100; ++n) EXPECT_EQ(*read_file((*paths)[static_cast<size_t>(n)], 100), str("body of file", n));
}

TEST_F(DownloadsTest, AFileOfUnknownDigestIsAskedForEachTime) {
  server_.add("a", "one");
  EXPECT_EQ(*downloads_.fetch_fresh({server_.url() + "/a"}, 100, "a"), "one");
  server_.add("a", "two");
  EXPECT_EQ(*downloads_.fetch_fresh({server_.url() + "/a"}, 100, "a"), "two");
  EXPECT_EQ(downloads_.fetch_fresh({server_.url() + "/a"}, 2, "a").error().code, Code::kEndlessData);
  EXPECT_EQ(downloads_.fetch_fresh({server_.url() + "/b"}, 2, "b").error().code, Code::kNotFound);
}

TEST_F(DownloadsTest, AFileOnDiskIsNotReadAgainWhileItIsTheSame) {
  const std::string source = work_->path() + "/source";
  ASSERT_TRUE(replace_file(source, "one", 0644, Durability::kFast));
  EXPECT_EQ(*downloads_.fetch_fresh({"file://" + source}, 100, "a"), "one");
  EXPECT_EQ(*downloads_.fetch_fresh({"file://" + source}, 100, "a"), "one");
}

}  // namespace
}  // namespace granary
