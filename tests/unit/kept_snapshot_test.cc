#include "fs/client/kept_snapshot.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

ResolvedSnapshot some_snapshot() {
  ResolvedSnapshot out;
  out.repository = "6b0e2a3c-0000-4000-8000-000000000001";
  out.repository_name = "sw.example.org";
  out.url = "https://sw.example.org/repo";
  out.snapshot.repository = out.repository;
  out.snapshot.tree = Digest::of("tree");
  out.snapshot.catalog = Digest::of("catalog");
  out.snapshot.time = 1790000000;
  out.snapshot.branch = "main";
  out.snapshot.entries = 7;
  out.snapshot.bytes = 70;
  out.id = Digest::of(out.snapshot.serialise());
  out.selector = "main";
  out.branch = "main";
  out.revision = 12;
  return out;
}

void expect_same(const ResolvedSnapshot& a, const ResolvedSnapshot& b) {
  EXPECT_EQ(a.repository, b.repository);
  EXPECT_EQ(a.repository_name, b.repository_name);
  EXPECT_EQ(a.url, b.url);
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.snapshot, b.snapshot);
  EXPECT_EQ(std::tie(a.selector, a.branch, a.tag), std::tie(b.selector, b.branch, b.tag));
  EXPECT_EQ(std::tie(a.revision, a.stale_since, a.withdrawn, a.trusted),
            std::tie(b.revision, b.stale_since, b.withdrawn, b.trusted));
}

TEST(KeptSnapshot, TheNextWorkerKnowsWhatTheLastOneKnew) {
  ResolvedSnapshot snapshot = some_snapshot();
  expect_same(*parse_kept_snapshot(kept_snapshot(snapshot)), snapshot);
  snapshot.tag = "v1";
  snapshot.stale_since = 1780000000;
  snapshot.withdrawn = Withdrawal{"broken", 1785000000};
  snapshot.trusted = false;
  expect_same(*parse_kept_snapshot(kept_snapshot(snapshot)), snapshot);
}

TEST(KeptSnapshot, WhatIsCutOffOrSomethingElseIsRefused) {
  const std::string whole = kept_snapshot(some_snapshot());
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(parse_kept_snapshot(whole.substr(0, size))) << size;
  EXPECT_FALSE(parse_kept_snapshot(whole + "x"));
  EXPECT_FALSE(parse_kept_snapshot("{}"));
}

}  // namespace
}  // namespace granary
