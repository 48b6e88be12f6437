#include "initramfs/tree_mount.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fs/base/file.h"
#include "initramfs/overlay.h"

namespace granary {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kUuid = "c8a0a845-c518-48ae-8c71-63463e826654";

class TrustFolder : public testing::Test {
 protected:
  void add(const std::string& name, const std::string& text = str("{\"repository\": \"", kUuid, "\"}")) {
    ASSERT_TRUE(replace_file(directory_.path() + "/" + name, text, 0644, Durability::kFast));
  }
  Result<ImageTrust> choose() { return choose_trust(settings_, directory_.path()); }

  TemporaryDirectory directory_ = *TemporaryDirectory::make();
  Settings settings_;
};

TEST_F(TrustFolder, TheOnlyTrustIsTakenWithoutBeingNamed) {
  add("os.trust");
  add("readme");
  EXPECT_EQ(choose()->name, "os");
  EXPECT_EQ(choose()->repository, kUuid);
}

TEST_F(TrustFolder, OfSeveralOneMustBeNamed) {
  add("os.trust");
  add("other.trust");
  EXPECT_THAT(choose().error().message, HasSubstr("one of os, other"));
  settings_.trust = "other";
  EXPECT_EQ(choose()->name, "other");
}

TEST_F(TrustFolder, OneThatIsNotTheImagesCannotBeChosen) {
  add("os.trust");
  settings_.trust = "mine";
  EXPECT_EQ(choose().error().code, Code::kBadTrustFile);
}

TEST_F(TrustFolder, DamagedOnesAndNoneAreNamed) {
  EXPECT_THAT(choose().error().message, HasSubstr("has no trust file"));
  add("os.trust", "{");
  EXPECT_THAT(choose().error().message, HasSubstr("damaged"));
  add("os.trust", "{\"repository\": \"../../x\"}");
  EXPECT_EQ(choose().error().code, Code::kBadTrustFile);
}

Settings some_settings() {
  Settings settings;
  settings.repository = {"http://a.example.org/os", "http://b.example.org/os"};
  return settings;
}

TEST(TreeMount, TheFirstStartMountsTheNewestAndStaysThere) {
  const auto words =
      mount_words(some_settings(), {{"os", "/run/initramfs/etc/granary/trust/os.trust", kUuid}, "", 0, true, 0});
  EXPECT_EQ(words.front(), "/bin/granary-mount");
  EXPECT_EQ(words.back(), "/tree");
  EXPECT_EQ(words[words.size() - 2], "http://a.example.org/os");
  EXPECT_THAT(words, Contains("--no-follow"));
  EXPECT_THAT(words, Contains("/etc/granary/trust/os.trust"));
  EXPECT_THAT(words, Contains("http://b.example.org/os"));
  EXPECT_THAT(words, Contains("allow_other,suid,dev"));
}

TEST(TreeMount, APinnedSnapshotIsMountedWhateverTheSettingsAskFor) {
  Settings settings = some_settings();
  settings.tag = "v2";
  const std::string pinned(64, 'a');
  const auto words = mount_words(settings, {{}, pinned, 0, false, 86400});
  EXPECT_THAT(words, Contains(pinned));
  EXPECT_THAT(words, Not(Contains("v2")));
  EXPECT_THAT(words, Contains("untrusted"));
  EXPECT_THAT(words, Contains("1970-01-02T00:00:00Z"));
}

TEST(TreeMount, WhatFailedForGoodIsToldWithTheRemedyAndIsNotRetried) {
  const Error untrusted = mount_error(7, "granary-mount: cannot mount: the head is not signed by a key of the root\n");
  EXPECT_EQ(untrusted.code, Code::kUntrusted);
  EXPECT_THAT(untrusted.message, HasSubstr("not signed by a key"));
  EXPECT_THAT(untrusted.message, HasSubstr("granary micro build --trust"));
  EXPECT_EQ(mount_error(5, "x").code, Code::kUnavailable);
  EXPECT_EQ(mount_error(139, "").code, Code::kInternal);
  EXPECT_THAT(mount_error(139, "").message, HasSubstr("139"));
}

TEST(TreeMount, LineagesAreFileNames) {
  Settings settings;
  settings.branch = "team/next";
  EXPECT_EQ(lineage_of(settings, {"os", "", kUuid}), std::string(kUuid) + "-team%2fnext");
}

TEST(TreeMount, WhatIsAskedForTellsTheRepositoryAndTheName) {
  Settings settings;
  EXPECT_EQ(asked_for(settings, {"os", "", kUuid}), std::string(kUuid) + " branch main");
  settings.tag = "v1";
  EXPECT_EQ(asked_for(settings, {"os", "", kUuid}), std::string(kUuid) + " tag v1");
}

TEST(Overlay, TakesLowersThatChangeFromOneStartToTheNext) {
  const std::string options = overlay_options({"/tree", "/posted", "/up:per", "/newroot"});
  EXPECT_THAT(options, HasSubstr("lowerdir=/tree:/posted,upperdir=/up\\:per/upper"));
  for (const char* off : {"index=off", "metacopy=off", "xino=off", "redirect_dir=off"})
    EXPECT_THAT(options, HasSubstr(off));
}

}  // namespace
}  // namespace granary
