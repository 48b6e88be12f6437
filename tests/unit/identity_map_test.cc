#include "fs/fuse/identity_map.h"

#include <gtest/gtest.h>

#include "fs/format/posix_acl.h"

namespace granary {
namespace {

std::optional<IdentityNumber> resolve(const std::string& name) {
  if (name == "nobody") return 65534;
  if (name == "www-data") return 33;
  return std::nullopt;
}

IdentityMap map(const std::string& text) {
  const auto parsed = IdentityMap::parse(text, resolve);
  EXPECT_TRUE(parsed) << text << ": " << parsed.error().message;
  return parsed.value_or(IdentityMap());
}

TEST(IdentityMap, NumbersRangesNamesAndEverybodyElse) {
  const IdentityMap users = map("# of the cluster\n1000 2000\n 3000-3999\t10000 \r\nwww-data: 80\n\n* nobody\n");
  EXPECT_EQ(users(1000), 2000U);
  EXPECT_EQ(users(3000), 10000U);
  EXPECT_EQ(users(3999), 10999U);
  EXPECT_EQ(users(33), 80U);
  EXPECT_EQ(users(0), 65534U);
  EXPECT_EQ(users(4000), 65534U);
  EXPECT_EQ(map("1000:2000;*:nobody")(5), 65534U);
  EXPECT_EQ(map("1000:2000,0:1")(0), 1U);
}

TEST(IdentityMap, WhoIsNotNamedStays) {
  EXPECT_EQ(map("1000 2000")(7), 7U);
  EXPECT_TRUE(map("").empty());
  EXPECT_TRUE(map("# nothing; 1 2").empty());
}

TEST(IdentityMap, ItsTextIsInNumbersAndMeansTheSame) {
  const IdentityMap users = map("www-data 5\n3000-3999 10000\n* nobody");
  EXPECT_EQ(users.text(), "33:5;3000-3999:10000;*:65534");
  EXPECT_EQ(map(users.text()), users);
}

TEST(IdentityMap, WhatMakesNoSenseIsRefused) {
  for (const char* bad : {"1000", "1000 2000 3000", "2-1 5", "1-5 9;3 4", "3 4;1-5 9", "* 1;* 2", "x 1", "1 x", "-1 5",
                          "1 4294967295", "0-10 4294967290", "1 -5", "1-x 5", "4294967295 1", "1 2 #"})
    EXPECT_FALSE(IdentityMap::parse(bad, resolve)) << bad;
  EXPECT_NE(IdentityMap::parse("1 2;joe 5", resolve).error().message.find("\"joe 5\""), std::string::npos);
}

TEST(Identities, SetuidBitsGoWithTheOwnerAsUnderChown) {
  Identities identities;
  identities.users = map("1000 2000");
  identities.groups = map("50 60");
  EXPECT_EQ(identities.owner_of(0, 0, 06755, false).mode, 06755U);
  EXPECT_EQ(identities.owner_of(1000, 0, 06755, false).mode, 02755U);
  EXPECT_EQ(identities.owner_of(0, 50, 06755, false).mode, 04755U);
  EXPECT_EQ(identities.owner_of(1000, 50, 02755, true).mode, 02755U);  // a directory's hands its group down
}

TEST(Identities, OneOwnerOfEverything) {
  Identities identities;
  identities.users = map("1000 2000");
  identities.owner = 7;
  EXPECT_EQ(identities.owner_of(1000, 50, 0644, false).user, 7U);
  EXPECT_EQ(identities.owner_of(1000, 50, 0644, false).group, 50U);
  const auto pair = OwnerPair::parse("www-data:nobody", resolve, resolve);
  ASSERT_TRUE(pair) << pair.error().message;
  EXPECT_EQ(pair->text(), "33:65534");
  for (const char* bad : {"", ":5", "5:", "joe", "1:2:3"}) EXPECT_FALSE(OwnerPair::parse(bad, resolve, resolve)) << bad;
}

TEST(Identities, NamedUsersOfAnAclAreMappedAndMergedToTheLeast) {
  using Entry = AclEntry;
  const std::vector<Entry> base{{Entry::kOwner, 7}, {Entry::kOwningGroup, 5}, {Entry::kMask, 7}, {Entry::kOther, 0}};
  const auto with = [&](std::vector<Entry> named) {
    named.insert(named.end(), base.begin(), base.end());
    return *encode_acl(std::move(named));
  };
  Identities identities;
  identities.users = map("1 9;2 9;3 4");
  identities.groups = map("3 100");
  EXPECT_EQ(
      identities.acl(with({{Entry::kUser, 6, 1}, {Entry::kUser, 5, 2}, {Entry::kUser, 1, 3}, {Entry::kGroup, 4, 3}})),
      with({{Entry::kUser, 4, 9}, {Entry::kUser, 1, 4}, {Entry::kGroup, 4, 100}}));
  EXPECT_EQ(identities.acl("no ACL"), "no ACL");
}

}  // namespace
}  // namespace granary
