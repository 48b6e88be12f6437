#include "initramfs/network/kept_links.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

LinkState link_with(bool carrier) {
  LinkState link;
  link.index = 3;
  link.carrier = carrier;
  return link;
}

TEST(KeptLinks, OneThatGetsItsCarrierLateIsBegunOnce) {
  KeptLink link;
  EXPECT_EQ(attend_to_link(link, link_with(false), false), LinkNeed::kNothing);
  EXPECT_EQ(attend_to_link(link, link_with(true), false), LinkNeed::kBegin);
  EXPECT_EQ(attend_to_link(link, link_with(true), false), LinkNeed::kNothing);
}

TEST(KeptLinks, OneThatLostItsCarrierAsksWhetherItsLeaseHolds) {
  KeptLink link;
  link.attended = link.carrier = true;
  EXPECT_EQ(attend_to_link(link, link_with(true), true), LinkNeed::kNothing);
  EXPECT_EQ(attend_to_link(link, link_with(false), true), LinkNeed::kNothing);
  EXPECT_EQ(attend_to_link(link, link_with(true), true), LinkNeed::kRenew);
}

TEST(KeptLinks, OneThatTheOsHasSetUpIsLeftToIt) {
  KeptLink link;
  EXPECT_EQ(attend_to_link(link, link_with(true), true), LinkNeed::kNothing);
  EXPECT_EQ(attend_to_link(link, link_with(true), false), LinkNeed::kNothing);
}

TEST(KeptLinks, AreReadAsTheyWereWritten) {
  KeptLinks kept{"grain", {}};
  LinkPlan plan;
  plan.dhcp = true;
  plan.addresses = {"192.0.2.7/24"};
  plan.gateways = {"192.0.2.1"};
  plan.routes = {{"10.0.0.0/8", "192.0.2.2"}};
  plan.mtu = 1400;
  kept.links.push_back({2, "eth0", true, true, plan});
  kept.links.push_back({3, "eth1", false, false, {}});
  const auto read = parse_kept_links(serialise(kept));
  ASSERT_TRUE(read);
  EXPECT_EQ(serialise(*read), serialise(kept));
  EXPECT_EQ(read->links[0].plan.routes[0].by, "192.0.2.2");
  EXPECT_FALSE(read->links[1].attended);
}

TEST(KeptLinks, WhatIsNoNoteIsRefused) {
  for (const char* note : {"", "{", "[]", "{\"links\": 7}"})
    EXPECT_EQ(parse_kept_links(note).error().code, Code::kCorrupt) << note;
}

}  // namespace
}  // namespace granary
