#include "initramfs/context/network_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace granary {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

NetworkPlan plan_of(Result<NetworkPlan> plan) {
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().message);
  return plan ? *plan : NetworkPlan{};
}

TEST(NetworkConfigTest, VersionOneSaysLinksAndNameServers) {
  const auto plan = plan_of(parse_network_config(R"(version: 1
config:
  - type: physical
    name: interface0
    mac_address: "52:54:00:12:34:AB"
    mtu: 1450
    subnets:
      - type: static
        address: 192.168.1.10
        netmask: 255.255.255.0
        gateway: 192.168.1.254
        dns_nameservers: [192.168.1.1, 8.8.8.8]
        dns_search:
          - exemplary.example.org
        routes:
          - network: 10.0.0.0
            netmask: 255.0.0.0
            gateway: 192.168.1.253
  - type: physical
    name: eth1
    subnets:
      - type: dhcp4
      - type: static6
        address: 2001:db8::10/64
  - type: nameserver
    address:
      - 192.168.23.2
    search: [example.net]
)",
                                                 "seed"));
  ASSERT_EQ(plan.links.size(), 2u);
  EXPECT_EQ(plan.links[0].mac, "52:54:00:12:34:ab");
  EXPECT_EQ(plan.links[0].mtu, 1450u);
  EXPECT_THAT(plan.links[0].addresses, ElementsAre("192.168.1.10/24"));
  EXPECT_THAT(plan.links[0].gateways, ElementsAre("192.168.1.254"));
  ASSERT_EQ(plan.links[0].routes.size(), 1u);
  EXPECT_EQ(plan.links[0].routes[0].to, "10.0.0.0/8");
  EXPECT_EQ(plan.links[0].routes[0].by, "192.168.1.253");
  EXPECT_TRUE(plan.links[1].dhcp);
  EXPECT_THAT(plan.links[1].addresses, ElementsAre("2001:db8::10/64"));
  EXPECT_THAT(plan.dns, ElementsAre("192.168.1.1", "8.8.8.8", "192.168.23.2"));
  EXPECT_THAT(plan.search, ElementsAre("exemplary.example.org", "example.net"));
  EXPECT_EQ(plan.origin, "seed");
}

TEST(NetworkConfigTest, VersionTwoSaysEthernets) {
  const auto plan = plan_of(parse_network_config(R"(network:
  version: 2
  renderer: networkd
  ethernets:
    id0:
      match:
        macaddress: '00:11:22:33:44:55'
      set-name: eth7
      addresses:
        - 192.168.14.2/24
        - 2001:db8::2/64
      gateway4: 192.168.14.1
      routes:
        - to: default
          via: 2001:db8::1
        - {to: 10.1.0.0/16, via: 192.168.14.9}
      nameservers:
        search: [foo.example, bar.example]
        addresses: [8.8.8.8]
    lom:
      match: {name: "en*"}
      dhcp4: true
      dhcp6: yes
    ens3:
      dhcp4: no
      mtu: 9000
)",
                                                 "seed"));
  ASSERT_EQ(plan.links.size(), 3u);
  const auto& ens3 = plan.links[0];
  EXPECT_EQ(ens3.device, "ens3");
  EXPECT_FALSE(ens3.dhcp);
  EXPECT_EQ(ens3.mtu, 9000u);
  const auto& id0 = plan.links[1];
  EXPECT_EQ(id0.mac, "00:11:22:33:44:55");
  EXPECT_EQ(id0.device, "");
  EXPECT_THAT(id0.addresses, ElementsAre("192.168.14.2/24", "2001:db8::2/64"));
  EXPECT_THAT(id0.gateways, ElementsAre("192.168.14.1", "2001:db8::1"));
  ASSERT_EQ(id0.routes.size(), 1u);
  const auto& lom = plan.links[2];
  EXPECT_EQ(lom.device, "");
  EXPECT_TRUE(lom.dhcp);
  EXPECT_TRUE(lom.dhcp6);
  EXPECT_THAT(plan.dns, ElementsAre("8.8.8.8"));
}

TEST(NetworkConfigTest, WhatCannotBeSetUpIsRefusedByName) {
  const auto bond = parse_network_config("version: 2\nbonds:\n  bond0: {interfaces: [a, b]}\n", "seed");
  ASSERT_FALSE(bond);
  EXPECT_EQ(bond.error().code, Code::kUnsupported);
  EXPECT_THAT(bond.error().message, HasSubstr("bonds cannot be set up here"));
  const auto vlan = parse_network_config("version: 1\nconfig:\n- type: vlan\n  name: eth0.5\n", "seed");
  ASSERT_FALSE(vlan);
  EXPECT_THAT(vlan.error().message, HasSubstr("vlan"));
  const auto unknown = parse_network_config("version: 2\nethernets:\n  a: {auth: {key: x}}\n", "seed");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("\"auth\" of a"));
}

TEST(NetworkConfigTest, WhatIsNoAddressIsRefused) {
  EXPECT_FALSE(parse_network_config("version: 2\nethernets:\n  a: {addresses: ['1.2.3.4/24; reboot']}\n", "seed"));
  EXPECT_FALSE(parse_network_config("version: 2\nethernets:\n  a: {match: {macaddress: 'x'}}\n", "seed"));
  EXPECT_FALSE(parse_network_config("version: 2\nethernets:\n  'a b': {dhcp4: true}\n", "seed"));
  EXPECT_FALSE(parse_network_config("version: 3\n", "seed"));
}

TEST(NetworkConfigTest, DisabledAndEmptyMeanNothing) {
  EXPECT_FALSE(plan_of(parse_network_config("network: {config: disabled}\n", "seed")).says_anything());
  EXPECT_FALSE(plan_of(parse_network_config("", "seed")).says_anything());
}

TEST(NetworkDataTest, OpenStackSaysLinksNetworksAndServices) {
  const auto plan = plan_of(parse_network_data(R"({
    "links": [
      {"id": "tap1", "type": "ovs", "ethernet_mac_address": "FA:16:3e:05:30:fe", "mtu": 1442, "vif_id": "x"},
      {"id": "tap2", "type": "phy", "ethernet_mac_address": "fa:16:3e:00:00:02", "mtu": null},
      {"id": "unused", "type": "phy", "ethernet_mac_address": "fa:16:3e:00:00:03"}],
    "networks": [
      {"id": "n0", "type": "ipv4", "link": "tap1", "ip_address": "10.0.0.5", "netmask": "255.255.255.0",
       "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.0.1"},
                  {"network": "169.254.169.254", "netmask": "255.255.255.255", "gateway": "10.0.0.2"}],
       "services": [{"type": "dns", "address": "10.0.0.53"}]},
      {"id": "n1", "type": "ipv6", "link": "tap1", "ip_address": "2001:db8::5", "netmask": "ffff:ffff:ffff:ffff::",
       "gateway": "2001:db8::1"},
      {"id": "n2", "type": "ipv4_dhcp", "link": "tap2"}],
    "services": [{"type": "dns", "address": "8.8.8.8"}]})",
                                               "drive"));
  ASSERT_EQ(plan.links.size(), 2u);
  EXPECT_EQ(plan.links[0].mac, "fa:16:3e:05:30:fe");
  EXPECT_EQ(plan.links[0].mtu, 1442u);
  EXPECT_THAT(plan.links[0].addresses, ElementsAre("10.0.0.5/24", "2001:db8::5/64"));
  EXPECT_THAT(plan.links[0].gateways, ElementsAre("10.0.0.1", "2001:db8::1"));
  ASSERT_EQ(plan.links[0].routes.size(), 1u);
  EXPECT_EQ(plan.links[0].routes[0].to, "169.254.169.254/32");
  EXPECT_TRUE(plan.links[1].dhcp);
  EXPECT_EQ(plan.links[1].mtu, 0u);
  EXPECT_THAT(plan.dns, ElementsAre("8.8.8.8", "10.0.0.53"));
}

TEST(NetworkDataTest, WrongTypesAreNothingAndBondsAreRefused) {
  EXPECT_THAT(plan_of(parse_network_data(R"({"links": 5, "networks": "x", "services": [1]})", "drive")).links,
              IsEmpty());
  EXPECT_FALSE(parse_network_data("[", "drive"));
  EXPECT_FALSE(parse_network_data(R"({"links": [{"id": "b", "type": "bond"}]})", "drive"));
}

}  // namespace
}  // namespace granary
