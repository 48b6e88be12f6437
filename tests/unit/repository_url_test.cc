#include <gtest/gtest.h>

#include "fs/base/file.h"
#include "fs/client/repository_view.h"

namespace granary {
namespace {

TEST(RepositoryUrl, ADirectoryBecomesAFileUrl) {
  const auto directory = *TemporaryDirectory::make();
  EXPECT_EQ(*repository_url(directory.path() + "/."), "file://" + directory.path());
  EXPECT_EQ(*repository_url("https://sw.example.org/a//"), "https://sw.example.org/a");
  EXPECT_EQ(repository_url(directory.path() + "/nothing").error().code, Code::kBadUrl);
}

TEST(RepositoryUrl, WhatEverybodyMaySeeHoldsNoPassword) {
  EXPECT_EQ(public_url("https://user:pass@sw.example.org/a@b"), "https://sw.example.org/a@b");
  EXPECT_EQ(public_url("https://sw.example.org/a@b"), "https://sw.example.org/a@b");
  EXPECT_EQ(public_url("file:///srv/a@b"), "file:///srv/a@b");
  EXPECT_EQ(public_url("/srv/a@b"), "/srv/a@b");
}

}  // namespace
}  // namespace granary
