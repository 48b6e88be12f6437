#include "fs/fuse/mount_arguments.h"

#include <gtest/gtest.h>

#include <set>

namespace granary {
namespace {

using Kind = SnapshotSelector::Kind;

TEST(MountOptions, ByDefaultItIsTheMainBranchReadOnlyAndForOneself) {
  const auto options = parse_mount_arguments({"--trust", "t", "https://sw.example.org", "/mnt"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->source, "https://sw.example.org");
  EXPECT_EQ(options->mount_point, "/mnt");
  EXPECT_EQ(options->selector, SnapshotSelector{});
  EXPECT_FALSE(options->suid || options->dev || options->allow_other || options->foreground);
  EXPECT_TRUE(options->acl && options->exec);
}

TEST(MountOptions, ADateGoesWithABranchInWhateverOrder) {
  for (const auto& order : std::vector<std::vector<std::string>>{
           {"--date", "2026-11-01T12:00", "--branch", "next", "--trust", "t", "/u", "m"},
           {"--branch", "next", "--trust", "t", "/u", "m", "--date", "2026-11-01T12:00"}}) {
    const auto options = parse_mount_arguments(order);
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_EQ(options->selector.text(), "next@2026-11-01T12:00:00Z");
  }
  EXPECT_FALSE(parse_mount_arguments({"--tag", "v1", "--date", "2026-11-01", "--trust", "t", "/u", "m"}));
}

TEST(MountOptions, AFillHasARateAndAuthoritiesAFile) {
  const auto options = parse_mount_arguments({"--fill", "5M", "--trust", "t", "-o", "ca=/etc/ca.pem", "/u", "m"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->fill, FillRate{uint64_t{5} << 20});
  EXPECT_EQ(options->ca_file, "/etc/ca.pem");
  EXPECT_FALSE(parse_mount_arguments({"--trust", "t", "/u", "m"})->fill);
  EXPECT_EQ(parse_helper_arguments({"/u", "m", "-o", "trust=t,fill=unlimited"})->fill, FillRate{});
  for (const char* bad : {"fill=0", "fill=-1", "fill=fast", "fill="})
    EXPECT_EQ(parse_helper_arguments({"/u", "m", "-o", str("trust=t,", bad)}).error().code, Code::kInvalid) << bad;
}

TEST(MountOptions, AClockIsTrustedOrNotAndTheFloorIsATime) {
  EXPECT_TRUE(parse_helper_arguments({"/u", "m", "-o", "trust=t"})->is_clock_trusted);
  const auto options = parse_helper_arguments({"/u", "m", "-o", "trust=t,clock=untrusted,time_floor=2026-11-01"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_FALSE(options->is_clock_trusted);
  EXPECT_EQ(options->time_floor, parse_utc("2026-11-01").value());
  for (const char* bad : {"clock=", "clock=maybe", "time-floor=yesterday"})
    EXPECT_EQ(parse_helper_arguments({"/u", "m", "-o", str("trust=t,", bad)}).error().code, Code::kInvalid) << bad;
}

TEST(MountOptions, TheHelperTakesEverythingFromFstab) {
  const auto options = parse_helper_arguments(
      {"https://sw.example.org/a", "/mnt", "-n", "-v", "-o",
       "rw,noauto,_netdev,x-systemd.automount,x-systemd.requires=network-online.target,nofail,relatime,"
       "trust=/etc/granary/a.trust,tag=v1,cache=/c,quota=2G,archive,allow_other,suid,dev"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->trust_file, "/etc/granary/a.trust");
  EXPECT_EQ(options->selector.kind, Kind::kTag);
  EXPECT_EQ(options->quota_bytes, uint64_t{2} << 30);
  EXPECT_TRUE(options->archive && options->allow_other && options->suid && options->dev && options->verbose);
}

TEST(MountOptions, AnEscapedCommaBelongsToTheValue) {
  const auto options = parse_mount_arguments({"-o", R"(trust=/a\,b,cache=/c)", "/u", "m"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->trust_file, "/a,b");
  EXPECT_EQ(options->cache_directory, "/c");
}

TEST(MountOptions, WhatNobodyKnowsIsRefusedUnlessMountSaysSloppy) {
  EXPECT_FALSE(parse_mount_arguments({"--trust", "t", "-o", "frobnicate", "/u", "m"}));
  EXPECT_FALSE(parse_helper_arguments({"/u", "m", "-o", "trust=t,frobnicate"}));
  EXPECT_TRUE(parse_helper_arguments({"/u", "m", "-s", "-o", "trust=t,frobnicate"}));
  EXPECT_FALSE(parse_helper_arguments({"/u", "m", "-o", "trust=t,remount"}));
}

TEST(MountOptions, IncompleteCommandLinesSayWhatIsMissing) {
  EXPECT_NE(parse_mount_arguments({"/u", "m"}).error().message.find("--trust"), std::string::npos);
  EXPECT_NE(parse_mount_arguments({"--trust", "t", "/u"}).error().message.find("MOUNTPOINT"), std::string::npos);
  EXPECT_FALSE(parse_mount_arguments({"--trust"}));
  EXPECT_FALSE(parse_mount_arguments({"--no-such", "/u", "m"}));
}

TEST(MountOptions, AProfileIsNamedAndBoundedInBothForms) {
  const auto plain = parse_mount_arguments({"--profile", "boot/server", "--trust", "t", "/u", "m"});
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->profile, "boot/server");
  EXPECT_EQ(plain->profile_limit_bytes, uint64_t{256} << 20);
  const auto listed = parse_helper_arguments({"/u", "m", "-o", "trust=t,profile=boot,profile-limit=10M"});
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_EQ(listed->profile, "boot");
  EXPECT_EQ(listed->profile_limit_bytes, uint64_t{10} << 20);

  for (const char* name : {"", "../etc", "a b"})
    EXPECT_FALSE(parse_mount_arguments({"--profile", name, "--trust", "t", "/u", "m"})) << name;
  for (const char* limit : {"", "0", "much", "-5"})
    EXPECT_FALSE(parse_mount_arguments({"--profile", "boot", "--profile-limit", limit, "--trust", "t", "/u", "m"}))
        << limit;
  EXPECT_FALSE(parse_helper_arguments({"/u", "m", "-o", "trust=t,profile"}));
}

TEST(MountOptions, TheLastOfSeveralChoicesHoldsAndSaysWhereItCameFrom) {
  MountOptions options;
  ASSERT_TRUE(apply_settings(options, {{find_mount_option("branch"), "next", "a:1"},
                                       {find_mount_option("quota"), "1G", "a:2"},
                                       {find_mount_option("tag"), "v1", "a:3"},
                                       {find_mount_option("quota"), "2G", "b:1"}}));
  EXPECT_EQ(options.selector.kind, Kind::kTag);
  EXPECT_EQ(options.quota_bytes, uint64_t{2} << 30);
  EXPECT_EQ(options.settings,
            (std::vector<Setting>{{find_mount_option("tag"), "v1", "a:3"}, {find_mount_option("quota"), "2G", "b:1"}}));
  const auto failed = apply_settings(options, {{find_mount_option("quota"), "much", "a:7"}});
  EXPECT_NE(failed.error().message.find("bad quota (a:7)"), std::string::npos) << failed.error().message;
}

TEST(MountOptions, FlagsAreTurnedOnAndOffInLists) {
  EXPECT_FALSE(parse_mount_arguments({"--archive", "--trust", "t", "-o", "noarchive", "/u", "m"})->archive);
  EXPECT_TRUE(parse_mount_arguments({"--trust", "t", "-o", "noarchive,archive=yes", "/u", "m"})->archive);
  EXPECT_FALSE(parse_mount_arguments({"--trust", "t", "-o", "noquota", "/u", "m"}));
  EXPECT_NE(parse_mount_arguments({"--trust", "t", "-o", "qouta=1G", "/u", "m"}).error().message.find("quota"),
            std::string::npos);
}

// Every door is made from the table; what stands elsewhere by hand is the documentation.
TEST(MountOptions, EveryOptionHasANameAHelpAndOneSpelling) {
  std::set<std::string> keys;
  for (const MountOption& option : mount_options()) {
    EXPECT_TRUE(keys.insert(option.key()).second) << option.name;
    EXPECT_NE(std::string(option.help), "") << option.name;
    EXPECT_EQ(std::string(option.value).empty(), option.is_flag()) << option.name;
    EXPECT_EQ(find_mount_option(option.key()), &option);
    EXPECT_EQ(find_mount_option(option.name), &option);
    EXPECT_NE(mount_help().find(option.name), std::string::npos);
  }
}

TEST(MountOptions, SizesHaveUnits) {
  EXPECT_EQ(*parse_size("4096"), 4096U);
  EXPECT_EQ(*parse_size("500M"), uint64_t{500} << 20);
  EXPECT_EQ(*parse_size("20GiB"), uint64_t{20} << 30);
  for (const char* text : {"", "0", "G", "12X", "-1", "99999999999999999999", "9999999999T", "1 G"})
    EXPECT_FALSE(parse_size(text)) << text;
}

}  // namespace
}  // namespace granary
