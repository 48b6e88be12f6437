#include "initramfs/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fs/base/file.h"

namespace granary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Settled {
  Settings settings;
  std::vector<std::string> complaints;
};

Settled settled(std::vector<Saying> sayings) {
  Settled out;
  out.settings = settle(std::move(sayings), out.complaints);
  return out;
}

Settled of_command_line(std::string_view text) { return settled(parse_command_line(text)); }

TEST(Settings, TheCommandLineIsBelievedBeforeTheContextAndThatBeforeTheImage) {
  const Settled out = settled({{"branch", "line", SaidBy::kCommandLine, "kernel command line"},
                               {"branch", "image", SaidBy::kImage, "the image"},
                               {"hostname", "context", SaidBy::kContext, "NoCloud"},
                               {"hostname", "image", SaidBy::kImage, "the image"},
                               {"profile", "image", SaidBy::kImage, "the image"}});
  EXPECT_EQ(out.settings.branch, "line");
  EXPECT_EQ(out.settings.hostname, "context");
  EXPECT_EQ(out.settings.profile, "image");
  EXPECT_THAT(out.complaints, IsEmpty());
}

TEST(Settings, ValuesOnTheCommandLineMayBeQuoted) {
  const Settled out = of_command_line(
      "quiet granary.repository=\"http://a.example.org/os http://b.example.org/os\" granary.rescue "
      "\"granary.hostname=grain-1\" granary.retries=7\n");
  EXPECT_THAT(out.settings.repository, ElementsAre("http://a.example.org/os", "http://b.example.org/os"));
  EXPECT_TRUE(out.settings.rescue);
  EXPECT_EQ(out.settings.hostname, "grain-1");
  EXPECT_EQ(out.settings.retries, 7u);
  EXPECT_THAT(out.complaints, IsEmpty());
}

TEST(Settings, TheKernelsOwnNetworkWordsAreUnderstood) {
  const Settled out =
      of_command_line("ip=192.0.2.7::192.0.2.1:255.255.255.0::eth0:off ip=eth1:dhcp nameserver=192.0.2.53");
  EXPECT_THAT(out.settings.ip, ElementsAre("192.0.2.7::192.0.2.1:255.255.255.0::eth0:off", "eth1:dhcp"));
  EXPECT_THAT(out.settings.dns, ElementsAre("192.0.2.53"));
}

TEST(Settings, CloudInitsSeedIsUnderstood) {
  const Settled out = of_command_line("ds=nocloud;s=http://192.0.2.1/seed;h=grain-2");
  EXPECT_EQ(out.settings.seed, "http://192.0.2.1/seed/");
  EXPECT_EQ(out.settings.hostname, "grain-2");
  EXPECT_EQ(of_command_line("ds=nocloud-net;seedfrom=http://192.0.2.1/x/").settings.seed, "http://192.0.2.1/x/");
}

TEST(Settings, TheSeedsParametersMeanWhatTheyMeant) {
  const Settled out = of_command_line(
      "cvmfs_server=http://s.example.org/os cvmfs_proxy=http://p.example.org:3128 cvmfs_repository_tag=v4 "
      "cernvm_path=/cvm4/");
  EXPECT_THAT(out.settings.repository, ElementsAre("http://s.example.org/os"));
  EXPECT_EQ(out.settings.proxy, "http://p.example.org:3128");
  EXPECT_EQ(out.settings.tag, "v4");
  EXPECT_EQ(out.settings.path, "cvm4");
  EXPECT_EQ(of_command_line("cvmfs_repository_tag=HEAD").settings.tag, "");
}

TEST(Settings, WhatIsWrongIsLeftOutAndToldWithTheRemedy) {
  const Settled out = of_command_line(
      "granary.retries=many granary.brnach=x granary.network=wifi granary.scratch=../x granary.hostname=a/b "
      "granary.path=a/../../b granary.repository=ftp://a granary.seed=file:///etc/");
  EXPECT_THAT(out.complaints,
              ElementsAre(HasSubstr("retries: not a number of at most 100: many"), HasSubstr("did you mean branch?"),
                          HasSubstr("one of dhcp, static, none"), HasSubstr("scratch"), HasSubstr("hostname"),
                          HasSubstr("path"), HasSubstr("repository"), HasSubstr("seed")));
  EXPECT_EQ(out.settings.retries, 3u);
  EXPECT_EQ(out.settings.network, "dhcp");
  EXPECT_EQ(out.settings.scratch, "auto");
}

TEST(Settings, UserDataMayNotSayWhatConcernsTrustOrPeopleAtTheConsole) {
  for (const char* name : {"archive", "allow_withdrawn", "extra_user_data", "rescue", "context"}) {
    const Settled out = settled({{name, "yes", SaidBy::kContext, "NoCloud (/dev/vdb)"}});
    EXPECT_THAT(out.complaints, ElementsAre(HasSubstr("NoCloud (/dev/vdb): "))) << name;
    EXPECT_FALSE(out.settings.archive || out.settings.allow_withdrawn || out.settings.extra_user_data ||
                 out.settings.rescue)
        << name;
  }
  EXPECT_THAT(of_command_line("granary.extra_user_data").complaints, ElementsAre(HasSubstr("only the image")));
}

TEST(Settings, AStrongerSpeakersBranchReplacesAWeakerOnesTag) {
  const Settled out = settled(
      {{"tag", "v1", SaidBy::kImage, "the image"}, {"branch", "next", SaidBy::kCommandLine, "kernel command line"}});
  EXPECT_EQ(out.settings.tag, "");
  EXPECT_EQ(out.settings.branch, "next");
}

TEST(Settings, ListsBeginAnewWithEachSpeaker) {
  const Settled out = settled({{"dns", "192.0.2.1, 192.0.2.2", SaidBy::kImage, "the image"},
                               {"dns", "192.0.2.3", SaidBy::kCommandLine, "kernel command line"},
                               {"dns", "192.0.2.4", SaidBy::kCommandLine, "kernel command line"}});
  EXPECT_THAT(out.settings.dns, ElementsAre("192.0.2.3", "192.0.2.4"));
}

TEST(Settings, TheImagesFileHasNamesAndValues) {
  const auto sayings =
      parse_image_config("# made by granary\nrepository = http://a.example.org/os\n\n rescue\nproxy =\n");
  ASSERT_EQ(sayings.size(), 3u);
  EXPECT_EQ(sayings[0].name, "repository");
  EXPECT_EQ(sayings[0].value, "http://a.example.org/os");
  EXPECT_EQ(sayings[1].name, "rescue");
  EXPECT_EQ(sayings[2].value, "");
  EXPECT_EQ(sayings[2].by, SaidBy::kImage);
}

TEST(Settings, EverySettingOfTheTableCanBeSaidAndHasHelp) {
  for (const BootSetting& setting : setting_table()) {
    EXPECT_NE(std::string(setting.help), "") << setting.name;
    const Settled out = settled({{setting.name, "\x01", SaidBy::kImage, "the image"}});
    EXPECT_EQ(out.complaints.size(), 1u) << setting.name << " takes a control character";
  }
}

TEST(Settings, TheDocumentNamesEachOfThem) {
  const auto text = read_file(GRANARY_SOURCE_DIR "/docs/booting.md", 1 << 20);
  ASSERT_TRUE(text) << text.error().message;
  for (const BootSetting& setting : setting_table())
    EXPECT_THAT(*text, testing::AnyOf(HasSubstr(str("`", setting.name)), HasSubstr(str("granary.", setting.name))));
}

TEST(Settings, TimesAndSizesHaveUnits) {
  const Settled out = of_command_line(
      "granary.network_timeout=90 granary.complete_timeout=10m granary.quota=2G granary.scratch_size=all");
  EXPECT_EQ(out.settings.network_timeout, std::chrono::seconds(90));
  EXPECT_EQ(out.settings.complete_timeout, std::chrono::seconds(600));
  EXPECT_EQ(out.settings.quota_bytes, uint64_t{2} << 30);
  EXPECT_THAT(out.complaints, IsEmpty());
}

}  // namespace
}  // namespace granary
