#include "initramfs/network/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "initramfs/network/link_configuration.h"
#include "initramfs/network/network_notes.h"

namespace granary {
namespace {
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using Environment = std::map<std::string, std::string>;

Lease lease_of(const Environment& environment) {
  const auto lease = parse_lease(environment);
  EXPECT_TRUE(lease) << (lease ? "" : lease.error().message);
  return lease ? *lease : Lease{};
}

const Environment kWhole = {{"interface", "eth0"},
                            {"ip", "192.0.2.7"},
                            {"subnet", "255.255.255.0"},
                            {"mask", "24"},
                            {"router", "192.0.2.1 192.0.2.2"},
                            {"dns", "192.0.2.53 198.51.100.53"},
                            {"domain", "example.org"},
                            {"search", "lab.example.org example.org"},
                            {"ntpsrv", "192.0.2.123"},
                            {"hostname", "grain"},
                            {"mtu", "1400"},
                            {"serverid", "192.0.2.1"},
                            {"lease", "3600"}};

TEST(LeaseTest, EveryValueIsTaken) {
  const Lease lease = lease_of(kWhole);
  EXPECT_EQ(lease.address->text(), "192.0.2.7/24");
  EXPECT_THAT(lease.routers, SizeIs(2));
  EXPECT_THAT(lease.dns, ElementsAre("192.0.2.53", "198.51.100.53"));
  EXPECT_THAT(lease.search, ElementsAre("lab.example.org", "example.org"));
  EXPECT_THAT(lease.ntp, ElementsAre("192.0.2.123"));
  EXPECT_EQ(lease.hostname, "grain");
  EXPECT_EQ(lease.mtu, 1400u);
  EXPECT_EQ(lease.server, "192.0.2.1");
  EXPECT_EQ(lease.lease_seconds, 3600u);
  EXPECT_THAT(lease.refused, IsEmpty());
}

TEST(LeaseTest, ItsNoteReadsBackAsTheSame) {
  Environment environment = kWhole;
  environment["staticroutes"] = "10.0.0.0/8 192.0.2.9 0.0.0.0/0 192.0.2.1";
  environment["hostname"] = "not a \"name\"";
  const Lease lease = lease_of(environment);
  const auto again = parse_lease_note(serialise(lease));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, lease);
}

TEST(LeaseTest, LyingValuesAreLeftOutAndToldOf) {
  Environment environment = kWhole;
  environment["router"] = "192.0.2.1 $(reboot) 0.0.0.0 255.255.255.255";
  environment["dns"] = "192.0.2.53\nnameserver 203.0.113.66";
  environment["domain"] = "example.org\"; rm -rf /";
  environment["hostname"] = "a\nb";
  environment["mtu"] = "68";
  environment["ntpsrv"] = "'";
  environment["search"] = std::string(100000, 'x');
  const Lease lease = lease_of(environment);
  EXPECT_THAT(lease.routers, SizeIs(1));
  EXPECT_THAT(lease.dns, IsEmpty());
  EXPECT_THAT(lease.search, IsEmpty());
  EXPECT_EQ(lease.hostname, "");
  EXPECT_EQ(lease.mtu, 0u);
  EXPECT_THAT(lease.ntp, IsEmpty());
  EXPECT_THAT(lease.refused, SizeIs(testing::Ge(7u)));
  for (const std::string& line : lease.refused) EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  EXPECT_EQ(resolver_text({lease.dns, lease.search, {}}), "");
}

TEST(LeaseTest, WithoutAProperLinkOrAddressItIsNone) {
  Environment environment = kWhole;
  environment["interface"] = "../eth0";
  EXPECT_EQ(parse_lease(environment).error().code, Code::kInvalid);
  for (const char* ip : {"", "127.0.0.1", "0.0.0.0", "224.0.0.1", "1.2.3", "1.2.3.4 ", "2001:db8::1"}) {
    environment = kWhole;
    environment["ip"] = ip;
    environment.erase("dns");
    EXPECT_FALSE(parse_lease(environment)) << ip;
  }
}

TEST(LeaseTest, ManyValuesAreBounded) {
  Environment environment = kWhole;
  environment["dns"].clear();
  for (int i = 1; i <= 200; ++i) environment["dns"] += "192.0.2." + std::to_string(i) + " ";
  EXPECT_THAT(lease_of(environment).dns, SizeIs(16));
}

TEST(LinkConfigurationTest, SeveralRoutersGetRisingMetrics) {
  const auto link = configuration_of(lease_of(kWhole), 3);
  ASSERT_THAT(link.routes, SizeIs(2));
  EXPECT_EQ(link.routes[0].metric, 30u);
  EXPECT_EQ(link.routes[1].metric, 31u);
  EXPECT_FALSE(link.routes[0].on_link);
}

TEST(LinkConfigurationTest, ClasslessRoutesReplaceTheRouters) {
  Environment environment = kWhole;
  environment["subnet"] = "255.255.255.255";
  environment["staticroutes"] = "10.128.0.1/32 0.0.0.0 0.0.0.0/0 10.128.0.1";
  const auto link = configuration_of(lease_of(environment), 2);
  ASSERT_THAT(link.routes, SizeIs(2));
  EXPECT_EQ(link.routes[0].to.text(), "10.128.0.1/32");
  EXPECT_FALSE(link.routes[0].by);
  EXPECT_EQ(link.routes[1].by->text(), "10.128.0.1");
  EXPECT_TRUE(link.routes[1].on_link);  // no address's network holds it
}

TEST(LinkConfigurationTest, OfAPlanWhatIsNoAddressIsToldOf) {
  LinkPlan plan;
  plan.addresses = {"192.0.2.7/24", "192.0.2.300"};
  plan.gateways = {"192.0.2.1", "x"};
  plan.routes = {{"10.0.0.0/8", "192.0.2.9"}, {"10.0.0.0/8", "::1"}};
  std::vector<std::string> problems;
  const auto link = configuration_of(plan, 2, problems);
  EXPECT_THAT(link.addresses, SizeIs(1));
  EXPECT_THAT(link.routes, SizeIs(2));
  EXPECT_THAT(problems, SizeIs(3));
}

}  // namespace
}  // namespace granary
