#include <gtest/gtest.h>

#include "builder/debian/control.h"
#include "builder/debian/relation.h"

namespace granary {
namespace {

TEST(DebianControlTest, StanzasComeOneAfterTheOther) {
  StanzaReader reader("\n\nPackage: a\nVersion: 1\n\n\nPackage: b\r\nVersion: 2\r\n\r\nPackage: c");
  EXPECT_EQ(reader.next()->field("Package"), "a");
  EXPECT_EQ(reader.next()->field("version"), "2");
  EXPECT_EQ(reader.next()->field("Package"), "c");
  EXPECT_FALSE(reader.next());
}

TEST(DebianControlTest, AFieldMayGoOnOverSeveralLines) {
  const Stanza stanza("SHA256:\n aa 1 x\n bb 2 y\nDescription: short\n long:er\n .\nEmpty:\n");
  EXPECT_EQ(stanza.field("SHA256"), "aa 1 x\n bb 2 y");
  EXPECT_EQ(stanza.field("Description"), "short\n long:er\n .");
  EXPECT_EQ(stanza.field("Empty"), "");
  EXPECT_EQ(stanza.field("Missing"), "");
  EXPECT_TRUE(stanza.is_well_formed());
}

TEST(DebianControlTest, WhatIsNoFieldIsPassedOverAndNoticed) {
  const Stanza stanza("Package: a\nnonsense\nVersion: 1\n");
  EXPECT_EQ(stanza.field("Version"), "1");
  EXPECT_FALSE(stanza.is_well_formed());
  EXPECT_FALSE(Stanza(" continued from nothing\nA: b\n").is_well_formed());
}

TEST(DebianRelationTest, AlternativesVersionsAndArchitecturesAreRead) {
  const auto relations = parse_relations("libc6 (>= 2.36), python3:any, a (<<1)|b( = 2~rc ) | c:amd64 (>1),\n d");
  ASSERT_TRUE(relations);
  ASSERT_EQ(relations->size(), 4U);
  EXPECT_EQ((*relations)[0].front(), (Relation{"libc6", "", VersionRelation::kLaterOrEqual, "2.36"}));
  EXPECT_EQ((*relations)[1].front(), (Relation{"python3", "any", VersionRelation::kAny, ""}));
  EXPECT_EQ((*relations)[2][0], (Relation{"a", "", VersionRelation::kEarlier, "1"}));
  EXPECT_EQ((*relations)[2][1], (Relation{"b", "", VersionRelation::kEqual, "2~rc"}));
  EXPECT_EQ((*relations)[2][2], (Relation{"c", "amd64", VersionRelation::kLaterOrEqual, "1"}));
  EXPECT_EQ(text_of((*relations)[2]), "a (<< 1) | b (= 2~rc) | c:amd64 (>= 1)");
}

TEST(DebianRelationTest, WhatIsNoRelationIsRefusedAndShown) {
  for (const char* text : {"a b", "a (1)", "a (>= )", "a (>= 1", "a |", "| a", "a (>= 1 2)", "ä", "a:", "a [amd64]"}) {
    const auto relations = parse_relations(text);
    ASSERT_FALSE(relations) << text;
    EXPECT_EQ(relations.error().code, Code::kInvalid) << text;
  }
  EXPECT_TRUE(parse_relations("")->empty());
  EXPECT_TRUE(parse_relations(" , ,")->empty());
}

}  // namespace
}  // namespace granary
