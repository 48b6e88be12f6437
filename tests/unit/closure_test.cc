#include "builder/closure/closure.h"

#include <gtest/gtest.h>

#include "builder/closure/explanation.h"
#include "support/small_universe.h"

namespace granary {
namespace {

TEST(ClosureTest, WhatIsNeededComesAlongAndNothingElse) {
  SmallUniverse world(stanza("a", "1", "Depends: b, c | d") + stanza("b", "1", "Pre-Depends: e") + stanza("c", "1") +
                      stanza("d", "1") + stanza("e", "1") + stanza("unrelated", "1"));
  EXPECT_EQ(world.closure({"a"}), "a=1 b=1 c=1 e=1");
  EXPECT_EQ(world.closure(std::vector<std::string>{}), "");
}

TEST(ClosureTest, EssentialPackagesAreAlwaysThere) {
  SmallUniverse world(stanza("a", "1") + stanza("base", "1", "Essential: yes\nDepends: lib") + stanza("lib", "1"));
  EXPECT_EQ(world.closure({"a"}), "a=1 base=1 lib=1");
}

TEST(ClosureTest, TheNewestVersionIsTakenUnlessItCannotBe) {
  SmallUniverse world(stanza("a", "1") + stanza("a", "2") + stanza("a", "3", "Depends: missing"));
  EXPECT_EQ(world.closure({"a"}), "a=2");
  EXPECT_EQ(world.last.skipped_newer, 1U);
  EXPECT_EQ(world.closure({"a (<< 2)"}), "a=1");
}

TEST(ClosureTest, NewerMattersMoreThanFewer) {
  SmallUniverse world(stanza("a", "1") + stanza("a", "2", "Depends: b, c") + stanza("b", "1") + stanza("c", "1"));
  EXPECT_EQ(world.closure({"a"}), "a=2 b=1 c=1");
}

TEST(ClosureTest, FewerPackagesMatterMoreThanTheFirstAlternative) {
  SmallUniverse world(stanza("a", "1", "Depends: big | small") + stanza("big", "1", "Depends: extra") +
                      stanza("extra", "1") + stanza("small", "1"));
  EXPECT_EQ(world.closure({"a"}), "a=1 small=1");
}

TEST(ClosureTest, BetweenEqualsTheFirstAlternativeIsTaken) {
  SmallUniverse world(stanza("a", "1", "Depends: y | x") + stanza("b", "1", "Depends: p | q") + stanza("x", "1") +
                      stanza("y", "1") + stanza("p", "1") + stanza("q", "1"));
  EXPECT_EQ(world.closure({"a", "b"}), "a=1 b=1 p=1 y=1");
}

TEST(ClosureTest, TheAnswerDoesNotDependOnTheOrderOfTheIndex) {
  std::vector<std::string> stanzas{stanza("a", "1", "Depends: mta, editor"), stanza("m1", "1", "Provides: mta"),
                                   stanza("m2", "1", "Provides: mta"),       stanza("m3", "1", "Provides: mta"),
                                   stanza("e1", "1", "Provides: editor"),    stanza("e2", "1", "Provides: editor")};
  std::set<std::string> answers;
  std::sort(stanzas.begin(), stanzas.end());
  do {
    std::string text;
    for (const std::string& each : stanzas) text += each;
    answers.insert(SmallUniverse(text).closure({"a"}));
  } while (answers.size() == 1 && std::next_permutation(stanzas.begin(), stanzas.begin() + 4));
  EXPECT_EQ(answers.size(), 1U);
}

TEST(ClosureTest, ProvidesCountWithTheirVersions) {
  SmallUniverse world(stanza("a", "1", "Depends: v (>= 2)") + stanza("old", "9", "Provides: v (= 1)") +
                      stanza("bare", "9", "Provides: v") + stanza("new", "1", "Provides: v (= 2.1)"));
  EXPECT_EQ(world.closure({"a"}), "a=1 new=1");
}

TEST(ClosureTest, ConflictsAndBreaksKeepOut) {
  SmallUniverse world(stanza("a", "1", "Depends: x | y") + stanza("b", "1", "Conflicts: x") +
                      stanza("c", "1", "Breaks: v (<< 2)") + stanza("x", "1") + stanza("y", "1", "Provides: v (= 2)"));
  EXPECT_EQ(world.closure({"a", "b", "c"}), "a=1 b=1 c=1 y=1");
  EXPECT_EQ(world.closure({"x", "b"}), "none");
}

TEST(ClosureTest, APackageMayConflictWithWhatItProvidesItself) {
  SmallUniverse world(stanza("m1", "1", "Provides: mta\nConflicts: mta") +
                      stanza("m2", "1", "Provides: mta\nConflicts: mta"));
  EXPECT_EQ(world.closure({"m1"}), "m1=1");
  EXPECT_EQ(world.closure({"m1", "m2"}), "none");
}

TEST(ClosureTest, AnyArchitectureAsksForPackagesThatAllowIt) {
  SmallUniverse world(stanza("a", "1", "Depends: py:any") + stanza("b", "1", "Depends: lib:any") +
                      stanza("py", "1", "Multi-Arch: allowed") + stanza("lib", "1", "Multi-Arch: same") +
                      stanza("c", "1", "Depends: lib:amd64") + stanza("d", "1", "Depends: lib:i386"));
  EXPECT_EQ(world.closure({"a"}), "a=1 py=1");
  EXPECT_EQ(world.closure({"b"}), "none");
  EXPECT_EQ(world.closure({"c"}), "c=1 lib=1");
  EXPECT_EQ(world.closure({"d"}), "none");
}

TEST(ClosureTest, CirclesOfDependenciesAreTakenWholeOrNotAtAll) {
  SmallUniverse world(stanza("a", "1", "Depends: b") + stanza("b", "1", "Depends: a") +
                      stanza("c", "1", "Depends: x | a") + stanza("x", "1"));
  EXPECT_EQ(world.closure({"a"}), "a=1 b=1");
  EXPECT_EQ(world.closure({"c"}), "c=1 x=1");
}

TEST(ClosureTest, RecommendationsAreTakenWhereTheyCanBeHad) {
  SmallUniverse world(stanza("a", "1", "Recommends: b, c, missing") + stanza("b", "1", "Recommends: d") +
                      stanza("c", "1", "Conflicts: b, a") + stanza("d", "1", "Recommends: e | f") +
                      stanza("e", "1", "Conflicts: a") + stanza("f", "1"));
  Recipe recipe = SmallUniverse::recipe_of({"a"});
  EXPECT_EQ(world.closure_for(recipe), "a=1");
  recipe.recommends = true;
  EXPECT_EQ(world.closure_for(recipe), "a=1 b=1 d=1 f=1");
  EXPECT_EQ(world.last.recommendations_left, 1U);
}

TEST(ClosureTest, ARecommendationIsNotTurnedDownForThoseItBrings) {
  SmallUniverse world(stanza("a", "1", "Recommends: b") + stanza("b", "1", "Recommends: x, y") +
                      stanza("x", "1", "Conflicts: a") + stanza("y", "1", "Conflicts: a"));
  Recipe recipe = SmallUniverse::recipe_of({"a"});
  recipe.recommends = true;
  EXPECT_EQ(world.closure_for(recipe), "a=1 b=1");
}

TEST(ClosureTest, PinsAndExclusionsRuleOut) {
  SmallUniverse world(stanza("a", "1.2-1") + stanza("a", "1.3-1") + stanza("b", "1", "Depends: x | y") +
                      stanza("x", "1") + stanza("y", "1"));
  Recipe recipe = SmallUniverse::recipe_of({"a", "b"});
  recipe.pins.push_back({"a", "1.2*"});
  recipe.exclude.push_back("x");
  EXPECT_EQ(world.closure_for(recipe), "a=1.2-1 b=1 y=1");
  recipe.pins.front().version = "7*";
  EXPECT_EQ(world.closure_for(recipe), "no version of a is 7*, to which the recipe pins it; there are 1.3-1, 1.2-1");
  recipe.pins.clear();
  recipe.exclude = {"a"};
  EXPECT_EQ(world.closure_for(recipe), "the recipe wishes for a and rules it out (exclude, pin)");
}

TEST(ClosureTest, GroupsAreWhatTheIndexSays) {
  SmallUniverse world(stanza("a", "1", "Priority: standard") + stanza("b", "1", "Task: web-server, ssh-server") +
                      stanza("c", "1", "Section: science") + stanza("d", "1", "Priority: optional"));
  Recipe recipe = SmallUniverse::recipe_of({});
  recipe.wishes.front().groups = {"priority:standard", "task:ssh-server"};
  EXPECT_EQ(world.closure_for(recipe), "a=1 b=1");
  recipe.wishes.front().groups = {"section:scienze"};
  EXPECT_EQ(world.closure_for(recipe), "no package in test is of the group section:scienze; near it: science");
}

TEST(ClosureTest, AWishForANameThatOnlyOthersProvideMeansOneOfThem) {
  SmallUniverse world(stanza("m1", "1", "Provides: mta") + stanza("real", "1") + stanza("fake", "1", "Provides: real"));
  EXPECT_EQ(world.closure({"mta"}), "m1=1");
  EXPECT_EQ(world.closure({"real", "fake"}), "fake=1 real=1");
}

TEST(ClosureTest, UnknownPackagesAreNamedWithTheNearest) {
  SmallUniverse world(stanza("emacs-nox", "1") + stanza("python3-numpy", "1"));
  EXPECT_EQ(world.closure({"emcs-nox", "numpy"}),
            "no package emcs-nox in test; near it: emacs-nox\nno package numpy in test; near it: python3-numpy");
  EXPECT_EQ(world.closure({"emacs-nox (>= 2)"}), "no package emacs-nox (>= 2) in test; its versions are 1");
}

TEST(UniverseTest, OfOneVersionInTwoIndicesTheFirstCounts) {
  const std::string one = stanza("a", "1"), two = stanza("a", "1") + stanza("a", "2");
  const std::string_view views[] = {one, two};
  const auto universe = Universe::read(views, "amd64");
  ASSERT_TRUE(universe);
  ASSERT_EQ(universe->size(), 2U);
  EXPECT_EQ(universe->at(0).version, "2");
  EXPECT_EQ(universe->at(1).index, 0U);
}

TEST(UniverseTest, OtherArchitecturesAreLeftOut) {
  const std::string text = "Package: a\nVersion: 1\nArchitecture: i386\n\nPackage: b\nVersion: 1\nArchitecture: all\n";
  const std::string_view view = text;
  EXPECT_EQ(Universe::read({&view, 1}, "amd64")->names(), std::vector<std::string>{"b"});
}

TEST(UniverseTest, AStanzaWithoutWhatItNeedsIsCorrupt) {
  for (const std::string text :
       {"Package: a\n", "Package: a\nVersion: 1\n", "Package: a\nVersion: 1\nArchitecture: all\nProvides: a b\n"}) {
    const std::string_view view = text;
    EXPECT_EQ(Universe::read({&view, 1}, "amd64").error().code, Code::kCorrupt) << text;
  }
}

class ExplanationTest : public testing::Test {
 protected:
  static std::string explain_for(const std::string& text, const Recipe& recipe) {
    SmallUniverse world(text);
    const auto list = shopping_list(recipe, *world.universe);
    if (!list) return list.error().message;
    const auto explanation = granary::explain(*world.universe, *list, world.clasp);
    return explanation ? explanation->text() : explanation.error().message;
  }
  static std::string explain(const std::string& text, const std::vector<std::string>& wishes) {
    return explain_for(text, SmallUniverse::recipe_of(wishes));
  }
  static constexpr const char* kHead = "these packages cannot be had together: ";
};

TEST_F(ExplanationTest, AConflictIsToldWithTheChainOfNeeds) {
  EXPECT_EQ(explain(stanza("nox", "1", "Conflicts: gtk") + stanza("gtk", "1") + stanza("general", "1", "Depends: gtk") +
                        stanza("other", "1"),
                    {"other", "nox", "general"}),
            str(kHead, "nox conflicts with gtk, needed by general\nit works without general"));
}

TEST_F(ExplanationTest, TheWishedPackageComesFirstWhoeverDeclaresTheConflict) {
  EXPECT_EQ(explain(stanza("nox", "1") + stanza("gtk", "1", "Conflicts: nox") + stanza("mid", "1", "Depends: gtk") +
                        stanza("general", "1", "Depends: mid"),
                    {"general", "nox"}),
            str(kHead, "nox conflicts with gtk, needed by mid, needed by general\nit works without nox"));
}

TEST_F(ExplanationTest, WhatIsMissingIsToldWithWhoNeedsIt) {
  EXPECT_EQ(explain(stanza("a", "1", "Depends: b") + stanza("b", "1", "Depends: gone (>= 2)"), {"a"}),
            str(kHead, "b (needed by a) needs gone (>= 2), which no archive has\nit works without a"));
  Recipe recipe = SmallUniverse::recipe_of({"a"});
  recipe.exclude = {"b"};
  EXPECT_EQ(explain_for(stanza("a", "1", "Depends: b") + stanza("b", "1"), recipe),
            str(kHead, "a needs b, which the recipe rules out\nit works without a"));
}

TEST_F(ExplanationTest, EachChoiceThatFailsIsTold) {
  EXPECT_EQ(explain(stanza("a", "1", "Depends: x | y") + stanza("x", "1", "Conflicts: b") +
                        stanza("b", "1", "Conflicts: y") + stanza("y", "1"),
                    {"a", "b"}),
            str(kHead,
                "b conflicts with y, one of x | y needed by a; b conflicts with x, one of x | y needed by a\n"
                "it works without b"));
}

TEST_F(ExplanationTest, TwoVersionsOfOnePackageAreTold) {
  EXPECT_EQ(explain(stanza("a", "1", "Depends: x (= 1)") + stanza("b", "1", "Depends: x (= 2)") + stanza("x", "1") +
                        stanza("x", "2"),
                    {"a", "b"}),
            str(kHead, "x can be there in one version only: 2 (needed by b) or 1 (needed by a)\nit works without b"));
}

TEST_F(ExplanationTest, AConflictWithWhatEverySystemHasIsTold) {
  EXPECT_EQ(explain(stanza("base", "1", "Essential: yes") + stanza("a", "1", "Conflicts: base"), {"a"}),
            str(kHead, "a conflicts with base, part of every system\nit works without a"));
  Recipe recipe = SmallUniverse::recipe_of({});
  recipe.exclude = {"base"};
  EXPECT_EQ(explain_for(stanza("base", "1", "Essential: yes"), recipe),
            str(kHead, "base is part of every system, and the recipe rules it out"));
}

TEST_F(ExplanationTest, AsFewWishesAsCanBeAreDropped) {
  std::string text = stanza("bad", "1", "Conflicts: a, b, c");
  for (const char* name : {"a", "b", "c"}) text += stanza(name, "1");
  EXPECT_NE(explain(text, {"bad", "a", "b", "c"}).find("it works without bad"), std::string::npos);
}

}  // namespace
}  // namespace granary
