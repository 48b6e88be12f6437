#include "initramfs/network/advertised_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace granary {
namespace {
using testing::ElementsAre;
using testing::IsEmpty;

Bytes option(int kind, const Bytes& content, const char* lifetime = "\x00\x00\x02\x58") {
  Bytes bytes{static_cast<char>(kind), static_cast<char>((content.size() + 8) / 8), 0, 0};
  return bytes + Bytes(lifetime, 4) + content;
}

const Bytes kServer = from_hex("20010db8000000000000000000000053").value_or("");

TEST(AdvertisedNamesTest, ServersAndDomainsAreTaken) {
  RouterNames names;
  add_router_names(option(25, kServer) + option(31, Bytes("\x03lab\x07"
                                                          "example\0\x01x\0",
                                                          16)),
                   names);
  EXPECT_THAT(names.dns, ElementsAre("2001:db8::53"));
  EXPECT_THAT(names.search, ElementsAre("lab.example", "x"));
}

TEST(AdvertisedNamesTest, WhatIsOverOrNoneIsLeftOut) {
  RouterNames names;
  add_router_names(option(25, kServer, "\0\0\0\0"), names);
  add_router_names(option(25, Bytes(16, '\0')), names);
  add_router_names(option(31, Bytes("\x04"
                                    "a\n b\0\0\0",
                                    8)),
                   names);
  add_router_names(option(31, Bytes("\x3f"
                                    "aaaaaaa",
                                    8)),
                   names);
  add_router_names(Bytes("\x19\0xxxxxxxx", 10), names);
  add_router_names(option(25, kServer).substr(0, 20), names);
  EXPECT_THAT(names.dns, IsEmpty());
  EXPECT_THAT(names.search, IsEmpty());
}

}  // namespace
}  // namespace granary
