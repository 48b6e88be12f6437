#include "fs/net/proxy_list.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "fs/base/file.h"

namespace granary {
namespace {

class ProxyListTest : public testing::Test {
 protected:
  ProxyListTest() {
    for (const char* name :
         {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}) {
      const char* const value = ::getenv(name);
      before_.emplace_back(name, value == nullptr ? std::optional<std::string>() : value);
      ::unsetenv(name);
    }
  }
  ~ProxyListTest() override {
    for (const auto& [name, value] : before_) {
      if (value) {
        ::setenv(name.c_str(), value->c_str(), 1);
      } else {
        ::unsetenv(name.c_str());
      }
    }
  }
  static void set(const char* name, const char* value) { ::setenv(name, value, 1); }
  static ProxyGroups from_environment(const std::string& url) { return EnvironmentProxies().find(url).value(); }

  std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

const ProxyGroups kDirectly{{""}};

TEST_F(ProxyListTest, GroupsAndTheirMembers) {
  EXPECT_EQ(parse_proxy_list("http://a:1|b:2;https://c:3;DIRECT").value(),
            (ProxyGroups{{"http://a:1", "http://b:2"}, {"https://c:3"}, {""}}));
  EXPECT_EQ(parse_proxy_list(" socks5h://u:p@a:1 ").value(), (ProxyGroups{{"socks5h://u:p@a:1"}}));
  EXPECT_EQ(parse_proxy_list("http://[::1]:3128/").value(), (ProxyGroups{{"http://[::1]:3128"}}));
}

TEST_F(ProxyListTest, WhatPacFilesSayIsUnderstood) {
  EXPECT_EQ(parse_proxy_list("PROXY squid:3128; SOCKS old:1080; DIRECT;").value(),
            (ProxyGroups{{"http://squid:3128"}, {"socks5h://old:1080"}, {""}}));
}

TEST_F(ProxyListTest, WhatIsNoListIsRefusedAndNoPasswordIsShown) {
  for (const char* list : {"", ";", "a:1||b:2", "squid", "http://user:secret@squid", "ftp://user:secret@a:21", "a:x",
                           "a:1|auto", "a b:1"}) {
    const auto parsed = parse_proxy_list(list);
    ASSERT_FALSE(parsed) << list;
    EXPECT_EQ(parsed.error().code, Code::kInvalid);
    EXPECT_EQ(parsed.error().message.find("secret"), std::string::npos) << parsed.error().message;
  }
}

TEST_F(ProxyListTest, TheEnvironmentIsReadAsCurlReadsIt) {
  EXPECT_EQ(from_environment("http://host/x"), kDirectly);
  set("HTTP_PROXY", "http://stranger:1");  // a header of CGI
  EXPECT_EQ(from_environment("http://host/x"), kDirectly);
  set("http_proxy", "squid:3128");
  EXPECT_EQ(from_environment("http://host/x"), (ProxyGroups{{"http://squid:3128"}}));
  EXPECT_EQ(from_environment("https://host/x"), kDirectly);
  set("HTTPS_PROXY", "http://tls:1");
  EXPECT_EQ(from_environment("https://host/x"), (ProxyGroups{{"http://tls:1"}}));
}

TEST_F(ProxyListTest, NoProxyKnowsDomainsAddressesAndNetworks) {
  set("all_proxy", "http://squid:3128");
  set("no_proxy", "localhost, .example.org,10.0.0.0/8,192.0.2.7");
  for (const char* url : {"http://localhost/", "http://localhost:80/x", "http://example.org/", "http://a.example.org/",
                          "http://10.1.2.3/", "http://192.0.2.7/"})
    EXPECT_EQ(from_environment(url), kDirectly) << url;
  for (const char* url : {"http://notexample.org/", "http://11.1.2.3/", "http://192.0.2.8/"})
    EXPECT_NE(from_environment(url), kDirectly) << url;
  set("no_proxy", "*");
  EXPECT_EQ(from_environment("http://notexample.org/"), kDirectly);
}

TEST_F(ProxyListTest, AutoStandsForTheEnvironment) {
  set("http_proxy", "squid:3128");
  EXPECT_EQ(proxies_for("http://host/", {}).value(), (ProxyGroups{{"http://squid:3128"}}));
  EXPECT_EQ(proxies_for("http://host/", {"first:1;auto;DIRECT"}).value(),
            (ProxyGroups{{"http://first:1"}, {"http://squid:3128"}, {""}}));
}

TEST_F(ProxyListTest, GoingDirectlyCanBeForbidden) {
  EXPECT_EQ(proxies_for("http://host/", {"a:1|DIRECT;DIRECT", "", true}).value(), (ProxyGroups{{"http://a:1"}}));
  const auto nothing = proxies_for("http://host/", {"", "", true});
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, Code::kInvalid);
  EXPECT_NE(nothing.error().message.find("--proxy"), std::string::npos);
}

TEST_F(ProxyListTest, AProgramMayKnowTheWay) {
  const TemporaryDirectory directory = TemporaryDirectory::make().value();
  const std::string program = directory.path() + "/finder";
  const auto write = [&](const std::string& script) {
    ASSERT_TRUE(replace_file(program, "#!/bin/sh\n" + script, 0755, Durability::kFast));
    ASSERT_EQ(::chmod(program.c_str(), 0755), 0);
  };
  write("case $1 in http://host/*) echo 'PROXY squid:3128; DIRECT' ;; *) echo DIRECT ;; esac\n");
  EXPECT_EQ(proxies_for("http://host/repo", {"", program}).value(), (ProxyGroups{{"http://squid:3128"}, {""}}));
  EXPECT_EQ(proxies_for("http://other/repo", {"", program}).value(), kDirectly);
  write("echo nonsense here\n");
  EXPECT_EQ(proxies_for("http://host/repo", {"", program}).error().code, Code::kInvalid);
  write("exit 3\n");
  EXPECT_EQ(proxies_for("http://host/repo", {"", program}).error().code, Code::kUnavailable);
  EXPECT_FALSE(proxies_for("http://host/repo", {"", "/no/such/program"}));
}

TEST_F(ProxyListTest, MembersOfAGroupComeInAnOrderOfChance) {
  bool first = false, second = false;
  for (int i = 0; i < 100; ++i) {
    const auto groups = proxies_for("http://host/", {"a:1|b:1"}).value();
    (groups.front().front() == "http://a:1" ? first : second) = true;
  }
  EXPECT_TRUE(first && second);
}

TEST_F(ProxyListTest, FilesNeedNoProxy) {
  const auto ways = ways_to({"http://host/r", "file:///srv/r"}, {"a:1"}).value();
  EXPECT_EQ(ways[0].proxies, (ProxyGroups{{"http://a:1"}}));
  EXPECT_EQ(ways[1].proxies, kDirectly);
}

}  // namespace
}  // namespace granary
