#include "fs/fuse/configuration.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>

#include "fs/base/file.h"
#include "fs/fuse/effective_options.h"
#include "fs/fuse/mount_arguments.h"

namespace granary {
namespace {

class ConfigurationTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    ASSERT_TRUE(make_directories(place_ + "/conf.d"));
    ASSERT_TRUE(replace_file(place_ + "/" + name, text, mode, Durability::kFast));
    ASSERT_EQ(::chmod((place_ + "/" + name).c_str(), mode), 0);
  }
  Configuration load() const { return Configuration::load(place_); }
  Result<MountOptions> mount(const std::vector<std::string>& arguments) const {
    std::vector<std::string> all{"--config", place_};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return parse_mount_arguments(all);
  }
  static std::string origin_of(const MountOptions& options, const std::string& key) {
    for (const EffectiveValue& value : effective_values(options)) {
      if (value.key == key) return value.origin;
    }
    return "nowhere";
  }

  const TemporaryDirectory top_ = *TemporaryDirectory::make();
  const std::string place_ = top_.path() + "/granary";
};

constexpr const char* kDebian =
    "# what everybody gets\n"
    "[defaults]\n"
    "quota = 20G\n"
    "allow_other = yes\n"
    "branch = stable\n"
    "\n"
    "[repository debian]\n"
    "url = https://sw.example.org/debian\n"
    "  mount_point =  /sw  \n"
    "trust = /etc/granary/d.trust\n"
    "options = suid,profile-limit=10M\n";

TEST_F(ConfigurationTest, ANameStandsForUrlMountPointAndOptions) {
  write("granary.conf", kDebian);
  const auto options = mount({"debian"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->source, "https://sw.example.org/debian");
  EXPECT_EQ(options->mount_point, "/sw");
  EXPECT_EQ(options->trust_file, "/etc/granary/d.trust");
  EXPECT_EQ(options->profile_limit_bytes, uint64_t{10} << 20);
  EXPECT_TRUE(options->suid && options->allow_other);
  EXPECT_EQ(options->configured_as, "debian");
  EXPECT_EQ(mount({"debian", "/mnt"})->mount_point, "/mnt");
}

TEST_F(ConfigurationTest, TheCommandLineIsAboveTheRepositoryAboveTheDefaults) {
  write("granary.conf", kDebian);
  write("conf.d/10-local.conf", "[repository debian]\nquota = 30G\ndate = 2026-11-01\n");
  const auto options = mount({"debian", "--quota", "40G", "-o", "noallow_other"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->quota_bytes, uint64_t{40} << 30);
  EXPECT_FALSE(options->allow_other);
  EXPECT_EQ(options->selector.text(), "stable@2026-11-01T00:00:00Z");
  EXPECT_EQ(mount({"debian"})->quota_bytes, uint64_t{30} << 30);
  EXPECT_EQ(origin_of(*mount({"debian"}), "quota"), place_ + "/conf.d/10-local.conf:2");
  EXPECT_EQ(origin_of(*options, "quota"), "command line");
  EXPECT_EQ(origin_of(*options, "branch"), place_ + "/granary.conf:5");
  EXPECT_EQ(origin_of(*options, "cache"), "default");
  EXPECT_EQ(mount({"debian", "--tag", "v1"})->selector.text(), "v1") << "the date was the branch's";
}

TEST_F(ConfigurationTest, TheDefaultsHoldForEveryUrl) {
  write("granary.conf", kDebian);
  const auto options = mount({"https://other.example.org", "/mnt", "--trust", "t"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->quota_bytes, uint64_t{20} << 30);
  EXPECT_FALSE(options->suid);
  EXPECT_EQ(options->configured_as, "");
}

TEST_F(ConfigurationTest, TheTrustFileOfThatNameIsTheDefault) {
  write("granary.conf", "[repository a]\nurl = /srv/a\nmount_point = /a\n");
  EXPECT_NE(mount({"a"}).error().message.find(place_ + "/a.trust"), std::string::npos);
  write("a.trust", "");
  EXPECT_EQ(mount({"a"})->trust_file, place_ + "/a.trust");
}

TEST_F(ConfigurationTest, WhatIsWrongIsNamedByFileAndLine) {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"[defaults]\nqouta = 1G\n", ":2: there is no key \"qouta\": did you mean \"quota\"?"},
      {"[defaults]\nprofile-limit = 1G\n", "did you mean \"profile_limit\"?"},
      {"[defaults]\nurl = /srv\n", ":2: url belongs to a repository"},
      {"quota = 1G\n", ":1: before any section"},
      {"[default]\nquota = 1G\n", ":1: sections are"},
      {"[repository a/b]\n", ":1: sections are"},
      {"[repositorya]\n", ":1: sections are"},
      {"[defaults]\nquota\n", ":2: neither"},
      {"[defaults]\nquota =\n", ":2: quota: needs a value"},
      {"[defaults]\nquota = 1G\nquota = 2G\n", ":3: quota is said twice"},
      {"[defaults]\narchive = perhaps\n", ":2: archive: neither yes nor no"},
      {"[defaults]\ncache = cache\n", ":2: cache: needs an absolute path"},
      {"[defaults]\noptions = frobnicate\n", ":2: no such mount option: frobnicate"},
      {"[defaults]\noptions = config=/etc\n", ":2: config cannot be configured"},
      {"[defaults]\nforeground = yes\n", ":2: there is no key \"foreground\""},
  };
  for (const auto& [text, problem] : wrong) {
    write("granary.conf", text);
    const auto configuration = load();
    ASSERT_EQ(configuration.problems().size(), 1U) << text;
    EXPECT_NE(configuration.problems()[0].text.find(place_ + "/granary.conf"), std::string::npos);
    EXPECT_NE(configuration.problems()[0].text.find(problem), std::string::npos) << configuration.problems()[0].text;
  }
}

TEST_F(ConfigurationTest, ABrokenRepositoryHindersNoOther) {
  write("granary.conf", "[repository a]\nurl = /srv/a\nmount_point = /a\ntrust = /t\n[repository b]\nurl = srv\n");
  EXPECT_TRUE(mount({"a"}));
  EXPECT_NE(mount({"b", "/b"}).error().message.find("granary.conf:6"), std::string::npos);
  write("granary.conf", "[repository a]\nurl = /srv/a\ntrust = /t\nmount_point = /a\n[defaults]\nx = y\n");
  EXPECT_FALSE(mount({"a"})) << "the defaults are everybody's";
}

TEST_F(ConfigurationTest, WhatIsMissingIsSaid) {
  ASSERT_TRUE(make_directories(place_));
  EXPECT_TRUE(load().problems().empty());
  write("granary.conf", "[repository a]\nurl = /srv/a\ntrust = /t\n[repository b]\ntrust = /t\n");
  EXPECT_NE(mount({"a"}).error().message.find("no mount_point"), std::string::npos);
  EXPECT_NE(mount({"b", "/b"}).error().message.find("no url"), std::string::npos);
  EXPECT_NE(mount({"c"}).error().message.find("no [repository c]"), std::string::npos);
  EXPECT_FALSE(parse_mount_arguments({"--config", top_.path() + "/none", "--trust", "t", "/u", "/m"}));
}

TEST_F(ConfigurationTest, PasswordsAreMaskedAndGuarded) {
  EXPECT_EQ(without_passwords("https://a:b@h/x http://p:q@r:8080,ftp://u@h"),
            "https://a:***@h/x http://p:***@r:8080,ftp://u@h");
  EXPECT_EQ(without_passwords("https://h:80/a@b"), "https://h:80/a@b");
  EXPECT_EQ(without_passwords("PROXY joe:secret@squid:3128|u:v@h;DIRECT"), "PROXY joe:***@squid:3128|u:***@h;DIRECT");
  EXPECT_EQ(without_passwords("main@2026-11-01T12:00"), "main@2026-11-01T12:00");
  const std::string text = "[repository a]\nurl = https://joe:secret@sw.example.org\n";
  write("granary.conf", text, 0644);
  ASSERT_EQ(load().warnings().size(), 1U);
  EXPECT_NE(load().warnings()[0].find("chmod 600"), std::string::npos);
  write("granary.conf", text, 0600);
  EXPECT_TRUE(load().warnings().empty());
}

TEST_F(ConfigurationTest, WhatHoldsHasOneJsonFormWithoutSecrets) {
  write("granary.conf", "[repository a]\nurl = https://joe:secret@h\ntrust = /t\nmount_point = /a\n");
  const Bytes json = effective_json(*mount({"a"})).canonical();
  EXPECT_NE(json.find("\"url\":{\"origin\":\"" + place_ + "/granary.conf:2\",\"value\":\"https://joe:***@h\"}"),
            std::string::npos)
      << json;
  EXPECT_EQ(json.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace granary
