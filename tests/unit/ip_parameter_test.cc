#include "initramfs/network/ip_parameter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "initramfs/network/ip_address.h"
#include "initramfs/network/names.h"

namespace granary {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

NetworkPlan plan_of(const std::vector<std::string>& words) {
  const auto plan = parse_ip_parameters(words);
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().message);
  return plan ? *plan : NetworkPlan{};
}

TEST(IpParameterTest, TheKernelsFieldsAreTaken) {
  const auto plan = plan_of({"192.0.2.7::192.0.2.1:255.255.255.128:grain:eth0:off:192.0.2.53:192.0.2.54:192.0.2.123"});
  ASSERT_EQ(plan.links.size(), 1u);
  EXPECT_EQ(plan.links[0].device, "eth0");
  EXPECT_FALSE(plan.links[0].dhcp);
  EXPECT_THAT(plan.links[0].addresses, ElementsAre("192.0.2.7/25"));
  EXPECT_THAT(plan.links[0].gateways, ElementsAre("192.0.2.1"));
  EXPECT_THAT(plan.dns, ElementsAre("192.0.2.53", "192.0.2.54"));
  EXPECT_THAT(plan.ntp, ElementsAre("192.0.2.123"));
  EXPECT_EQ(plan.hostname, "grain");
}

TEST(IpParameterTest, ShortFormsAndClassesAreTheKernels) {
  EXPECT_THAT(plan_of({"dhcp"}).links, IsEmpty());
  EXPECT_THAT(plan_of({"on"}).links, IsEmpty());
  EXPECT_THAT(plan_of({"10.0.0.7"}).links[0].addresses, ElementsAre("10.0.0.7/8"));
  EXPECT_THAT(plan_of({"172.16.0.7"}).links[0].addresses, ElementsAre("172.16.0.7/16"));
  EXPECT_THAT(plan_of({"192.168.0.7:::16"}).links[0].addresses, ElementsAre("192.168.0.7/16"));
  const auto by_dhcp = plan_of({":::::eth1:dhcp", "eth2:dhcp6"});
  ASSERT_EQ(by_dhcp.links.size(), 2u);
  EXPECT_TRUE(by_dhcp.links[0].dhcp);
  EXPECT_EQ(by_dhcp.links[0].device, "eth1");
  EXPECT_TRUE(by_dhcp.links[1].dhcp6);
  EXPECT_THAT(plan_of({"[2001:db8::7]::[2001:db8::1]:48::eth0:none"}).links[0].addresses,
              ElementsAre("2001:db8::7/48"));
}

TEST(IpParameterTest, WhatIsWrongIsSaid) {
  for (const char* words : {"192.0.2.300", "192.0.2.7::x", "192.0.2.7:::255.0.255.0", "127.0.0.1", "192.0.2.7:::::a/b",
                            "192.0.2.7::::::maybe", "::::::off", "1:2:3:4:5:6:7:8:9:10:11", "a b:dhcp"}) {
    const auto plan = parse_ip_parameters({words});
    ASSERT_FALSE(plan) << words;
    EXPECT_EQ(plan.error().code, Code::kInvalid);
    EXPECT_THAT(plan.error().message, HasSubstr(std::string("ip=") + words));
    EXPECT_THAT(plan.error().message, HasSubstr("CLIENT:SERVER"));
  }
}

TEST(IpAddressTest, PrefixesKnowTheirNetwork) {
  const auto prefix = *IpPrefix::parse("192.0.2.130/25");
  EXPECT_EQ(prefix.network().text(), "192.0.2.128/25");
  EXPECT_TRUE(prefix.contains(*IpAddress::parse("192.0.2.129")));
  EXPECT_FALSE(prefix.contains(*IpAddress::parse("192.0.2.1")));
  EXPECT_FALSE(prefix.contains(*IpAddress::parse("::1")));
  EXPECT_TRUE(IpPrefix::parse("2001:db8::1/64")->contains(*IpAddress::parse("2001:db8::2")));
  for (const char* wrong : {"1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "::/129", "/8", "1.2.3/8", "1.2.3.4/8 "})
    EXPECT_FALSE(IpPrefix::parse(wrong)) << wrong;
  EXPECT_EQ(parse_netmask("255.255.240.0"), 20u);
  EXPECT_FALSE(parse_netmask("255.0.255.0"));
  EXPECT_FALSE(parse_netmask("33"));
}

TEST(NamesTest, OnlyPlainNamesAreNames) {
  EXPECT_TRUE(is_dns_name("grain-1.example.org"));
  EXPECT_TRUE(is_dns_name("_srv.example.org."));
  for (const char* wrong : {"", ".", "a..b", "-a", "a b", "a;b", "a\nb"}) EXPECT_FALSE(is_dns_name(wrong)) << wrong;
  EXPECT_FALSE(is_dns_name(std::string(64, 'a')));
  EXPECT_TRUE(is_link_name("enp0s3.5"));
  for (const char* wrong : {"", "..", "a/b", "abcdefghijklmnop"}) EXPECT_FALSE(is_link_name(wrong)) << wrong;
  EXPECT_TRUE(is_mac("52:54:00:12:34:ab"));
  EXPECT_FALSE(is_mac("52:54:00:12:34:AB"));
  EXPECT_FALSE(is_mac("52-54-00-12-34-ab"));
}

}  // namespace
}  // namespace granary
