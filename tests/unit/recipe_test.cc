// Loading recipes: what is understood, how files are merged, and what is said about what is wrong.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "builder/recipe/differences.h"
#include "builder/recipe/load.h"
#include "builder/recipe/recipe_json.h"
#include "builder/recipe/recipe_text.h"
#include "fs/base/file.h"

namespace granary {
namespace {

class RecipeLoading : public testing::Test {
 protected:
  std::string write(const std::string& name, ByteView text, mode_t mode = 0644) {
    const std::string path = folder_.path() + "/" + name;
    EXPECT_TRUE(make_directories(std::filesystem::path(path).parent_path().string()));
    EXPECT_TRUE(replace_file(path, text, mode, Durability::kFast));
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  Recipe load(const std::string& path, const RecipeOverrides& overrides = {}) {
    const Result<Recipe> recipe = load_recipe(path, overrides);
    EXPECT_TRUE(recipe) << recipe.error().message;
    return recipe ? *recipe : Recipe{};
  }
  // What is said about it, without the folder's name.
  std::string complaint(const std::string& path) {
    const Result<Recipe> recipe = load_recipe(path);
    if (recipe) return "none";
    std::string text = recipe.error().message;
    for (size_t at; (at = text.find(folder_.path() + "/")) != std::string::npos;)
      text.erase(at, folder_.path().size() + 1);
    return text;
  }
  std::string complaint_about(const std::string& text) {
    return complaint(write("r.toml", "suite = \"bookworm\"\n" + text));
  }

  const TemporaryDirectory folder_ = *TemporaryDirectory::make();
};

TEST_F(RecipeLoading, HoldsEverythingItsFileSaysAndWhatStandsBesideIt) {
  write("motd", "welcome\n");
  write("scripts/tidy.sh", "#!/bin/sh\ntrue\n", 0755);
  write("keys.gpg", Bytes("\x99\x01", 2));
  const Recipe recipe = load(write("mine.toml", R"toml(
description = "everything"
suite = "bookworm"   # a comment
architecture = "arm64"
recommends = true
packages = ["bash", "python3 (>= 3.11)"]
groups = ["priority:standard"]
tasks = ["ssh-server"]
exclude = ["exim4"]
locale = "de_DE.UTF-8"
timezone = "Europe/Berlin"
hostname = "barn"
[pins]
bash = "5.2*"
[[archive]]
name = "debian"
suite = "{suite}-backports"
components = ["main", "contrib"]
[[archive]]
name = "site"
url = "https://apt.example.org/debian"
keyring = "keys.gpg"
[[file]]
path = "/etc/motd"
source = "motd"
[[file]]
path = "/etc/issue"
content = "hi"
mode = "0600"
owner = "ada"
group = "crew"
[[file]]
path = "/etc/here"
symlink = "/opt"
[[file]]
path = "/srv/data"
directory = true
[[user]]
name = "ada"
uid = 1000
groups = ["sudo"]
ssh_keys = ["ssh-ed25519 AAAA ada"]
[[group]]
name = "crew"
gid = 2000
[[hook]]
file = "scripts/tidy.sh"
[[hook]]
script = "echo hi"
[[test]]
command = "true"
timeout = "2m"
[boot]
modules = ["virtio_net", "ext4"]
[debconf]
"tzdata tzdata/Areas" = "select Europe"
)toml"));
  EXPECT_EQ(recipe.name, "mine");
  EXPECT_EQ(recipe.architecture, "arm64");
  EXPECT_TRUE(recipe.recommends);
  EXPECT_EQ(
      recipe.wishes,
      (std::vector<RecipeWishes>{{"mine", {"bash", "python3 (>= 3.11)"}, {"priority:standard", "task:ssh-server"}}}));
  EXPECT_EQ(recipe.exclude, std::vector<std::string>{"exim4"});
  EXPECT_EQ(recipe.pins, (std::vector<RecipePin>{{"bash", "5.2*"}}));
  ASSERT_EQ(recipe.archives.size(), 2u);
  EXPECT_EQ(recipe.archives[0].suite, "bookworm-backports");
  EXPECT_EQ(recipe.archives[1].suite, "bookworm");
  EXPECT_EQ(recipe.archives[1].keyring, Bytes("\x99\x01", 2));
  ASSERT_EQ(recipe.files.size(), 4u);  // by path
  EXPECT_EQ(recipe.files[0].target, "/opt");
  EXPECT_EQ(recipe.files[1].mode, uint16_t{0600});
  EXPECT_EQ(recipe.files[2].content, "welcome\n");
  EXPECT_EQ(recipe.files[2].mode, uint16_t{0644});
  EXPECT_TRUE(recipe.files[3].directory);
  EXPECT_EQ(recipe.users[0].uid, 1000u);
  EXPECT_EQ(recipe.groups[0].gid, 2000u);
  EXPECT_EQ(recipe.hooks, (std::vector<RecipeHook>{{"tidy.sh", "#!/bin/sh\ntrue\n"}, {"hook 2", "echo hi"}}));
  EXPECT_EQ(recipe.tests, (std::vector<granary::RecipeTest>{{"test 1", "true", 120}}));
  EXPECT_EQ(recipe.boot.at("modules"), "virtio_net ext4");
  EXPECT_EQ(recipe.debconf.at("tzdata tzdata/Areas"), "select Europe");
  EXPECT_EQ(*recipe_from_json(JsonValue(recipe_to_json(recipe))), recipe);
}

TEST_F(RecipeLoading, ChildrenAddToTheirParentsAndOverrideThem) {
  write("base.toml", R"toml(
suite = "bookworm"
timezone = "Etc/UTC"
packages = ["bash", "nano", "exim4-base (>= 4)"]
groups = ["task:web-server"]
exclude = ["vim"]
[[file]]
path = "/etc/motd"
content = "base"
[[hook]]
script = "one"
)toml");
  const Recipe recipe = load(write("child.toml", R"toml(
extends = "./base.toml"
packages = ["vim"]
exclude = ["nano", "exim4-base", "task:web-server"]
timezone = "Europe/Zurich"
[[file]]
path = "/etc/motd"
content = "child"
[[hook]]
script = "two"
)toml"));
  EXPECT_EQ(recipe.name, "child");
  EXPECT_EQ(recipe.wishes, (std::vector<RecipeWishes>{{"base", {"bash"}, {}}, {"child", {"vim"}, {}}}));
  EXPECT_EQ(recipe.exclude, (std::vector<std::string>{"nano", "exim4-base"}));
  EXPECT_EQ(recipe.timezone, "Europe/Zurich");
  ASSERT_EQ(recipe.files.size(), 1u);
  EXPECT_EQ(recipe.files[0].content, "child");
  EXPECT_EQ(recipe.hooks.size(), 2u);
}

TEST_F(RecipeLoading, DropInsChangeTheRecipeBesideThem) {
  write("r.d/20-more.toml", "packages = [\"nano\"]\nhostname = \"twenty\"\n");
  write("r.d/10-less.toml", "exclude = [\"vim\"]\nhostname = \"ten\"\n");
  write("r.d/ignored.txt", "x");
  const Recipe recipe = load(write("r.toml", "suite = \"bookworm\"\npackages = [\"bash\", \"vim\"]\n"));
  EXPECT_EQ(recipe.wishes, (std::vector<RecipeWishes>{{"r", {"bash", "nano"}, {}}}));
  EXPECT_EQ(recipe.hostname, "twenty");
  write("r.d/30-wrong.toml", "extends = \"minimal\"\n");
  EXPECT_NE(complaint(folder_.path() + "/r.toml").find("r.d/30-wrong.toml:1:1: \"extends\" does not belong"),
            std::string::npos);
}

TEST_F(RecipeLoading, OverlaysBringTheirModesAndLinks) {
  write("tree/usr/bin/tool", "#!/bin/sh\n", 0775);
  write("tree/etc/secret", "x", 0600);
  std::filesystem::create_symlink("tool", folder_.path() + "/tree/usr/bin/alias");
  const Recipe recipe =
      load(write("r.toml", "suite = \"bookworm\"\n[[overlay]]\nsource = \"tree\"\npath = \"/opt\"\nowner = \"ada\"\n"));
  std::string listing;
  for (const RecipeFile& file : recipe.files)
    listing += file.path + (file.directory ? "/" : "") + (file.target.empty() ? "" : "@" + file.target) +
               (file.mode ? str(" ", std::oct, *file.mode) : "") + " " + file.owner + "\n";
  EXPECT_EQ(listing,
            "/opt/etc/ ada\n/opt/etc/secret 600 ada\n/opt/usr/ ada\n/opt/usr/bin/ ada\n/opt/usr/bin/alias@tool ada\n"
            "/opt/usr/bin/tool 755 ada\n");
}

TEST_F(RecipeLoading, SaysWhereAndWhatIsWrongAllAtOnce) {
  EXPECT_EQ(complaint_about("pakages = [\"bash\"]\nlocale = 7\nrecommends = \"yes\"\n"),
            "r.toml:2:1: unknown key \"pakages\": did you mean \"packages\"?\n"
            "r.toml:3:10: \"locale\" is a number, not a string\n"
            "r.toml:4:14: \"recommends\" is a string, not true or false");
}

TEST_F(RecipeLoading, RefusesEveryValueThatCannotBe) {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"packages = \"bash\"", "2:12: \"packages\" is a string, not a list of strings"},
      {"packages = [\"Bash\"]", "2:13: \"packages\" holds \"Bash\", not a package"},
      {"packages = [\"bash; rm\"]", "2:13:"},
      {"packages = [\"bash\", 1]", "2:21: \"packages\" holds a number, not a string"},
      {"groups = [\"standard\"]", "2:11: \"groups\" holds \"standard\", not a group"},
      {"packages = [\"vim\"]\nexclude = [\"vim\"]", "\"vim\" is both wished for and excluded"},
      {"architecture = \"amd46\"", "did you mean \"amd64\"?"},
      {"[[file]]\npath = \"etc/motd\"\ncontent = \"\"", "3:8: \"path\" is \"etc/motd\", not an absolute path"},
      {"[[file]]\npath = \"/etc/../motd\"\ncontent = \"\"", "not an absolute path"},
      {"[[file]]\ncontent = \"\"", "2:1: \"path\" is missing"},
      {"[[file]]\npath = \"/a\"", "needs exactly one of"},
      {"[[file]]\npath = \"/a\"\ncontent = \"\"\nsymlink = \"b\"", "needs exactly one of"},
      {"[[file]]\npath = \"/a\"\ncontent = \"\"\nmode = 644", "5:8: \"mode\" must be octal digits in quotes"},
      {"[[file]]\npath = \"/a\"\ncontent = \"\"\nmode = \"0888\"", "must be octal digits"},
      {"[[file]]\npath = \"/a\"\nsource = \"gone\"", "4:10: \"source\": cannot read"},
      {"[[file]]\npath = \"/a\"\nsource = \"../up\"", "without .."},
      {"[[file]]\npath = \"/a\"\nsource = \"/etc/passwd\"", "a path below the recipe's folder"},
      {"[[files]]\npath = \"/a\"", "2:3: unknown key \"files\": did you mean \"file\"?"},
      {"file = \"x\"", "not a list of tables: write [[file]]"},
      {"[[user]]\nname = \"Ada Lovelace\"", "the name of an account"},
      {"[[user]]\nname = \"ada\"\nuid = -1", "which is out of range"},
      {"[[user]]\nname = \"ada\"\ncomment = \"a:b\"", "a line without colons"},
      {"[[hook]]\nname = \"x\"", "exactly one of \"script\" and \"file\""},
      {"[[test]]\ncommand = \"true\"\ntimeout = \"soon\"", "is not a time"},
      {"[[overlay]]\nsource = \"gone\"", "\"source\": cannot read"},
      {"[pins]\nbash = 5", "3:8: \"bash\" is a number"},
      {"[debconf]\n\"tzdata\" = \"select x\"", "is not \"PACKAGE QUESTION\""},
      {"[boot]\ninitt = \"x\"", "did you mean \"init\"?"},
      {"extends = 5", "\"extends\" is not the name or the path of a recipe"},
      {"locale = \"C\"\nlocale = \"D\"", "r.toml:3:"},
      {"locale = ", "r.toml:2:"},
  };
  for (const auto& [text, expected] : wrong) {
    const std::string said = complaint_about(text + "\n");
    EXPECT_NE(said.find(expected), std::string::npos) << text << "\n  said: " << said;
  }
}

TEST_F(RecipeLoading, NeverReadsThroughALinkOutOfItsFolder) {
  std::filesystem::create_symlink("/etc/passwd", folder_.path() + "/out");
  EXPECT_NE(complaint_about("[[file]]\npath = \"/a\"\nsource = \"out\"\n").find("leads out of the recipe's folder"),
            std::string::npos);
}

TEST_F(RecipeLoading, TooMuchBesideItIsRefusedWithTheRemedy) {
  write("big", Bytes(9 << 20, 'x'));
  EXPECT_EQ(complaint_about("[[file]]\npath = \"/a\"\nsource = \"big\"\n"), "none");
  EXPECT_NE(complaint_about("[[file]]\npath = \"/a\"\nsource = \"big\"\n[[file]]\npath = \"/b\"\nsource = \"big\"\n")
                .find("granary publish --path"),
            std::string::npos);
}

TEST_F(RecipeLoading, CirclesAndMissingParentsAreNamed) {
  write("a.toml", "extends = \"b.toml\"\n");
  write("b.toml", "extends = \"./a.toml\"\n");
  EXPECT_NE(complaint(folder_.path() + "/a.toml").find("extend each other in a circle"), std::string::npos);
  const std::string said = complaint_about("extends = \"standrad\"\n");
  EXPECT_NE(
      said.find("r.toml:2:11: \"extends\": there is no ready-made recipe \"standrad\"; did you mean \"standard\"?"),
      std::string::npos)
      << said;
  EXPECT_EQ(load_recipe(folder_.path() + "/none.toml").error().code, Code::kNotFound);
}

TEST_F(RecipeLoading, OverridesTheSuiteAndTheArchitecture) {
  const std::string path =
      write("r.toml", "suite = \"bookworm\"\n[[archive]]\nname = \"debian\"\nsuite = \"{suite}-updates\"\n");
  const Recipe recipe = load(path, {"trixie", "arm64"});
  EXPECT_EQ(recipe.suite, "trixie");
  EXPECT_EQ(recipe.architecture, "arm64");
  EXPECT_EQ(recipe.archives[0].suite, "trixie-updates");
  EXPECT_FALSE(load_recipe(path, {"no such", ""}));
  EXPECT_NE(complaint(write("none.toml", "packages = [\"bash\"]\n")).find("no suite"), std::string::npos);
}

TEST_F(RecipeLoading, TheSameWishesHaveTheSameDigestHoweverTheyAreWritten) {
  const std::string a =
      write("a.toml", "# one\nsuite = \"bookworm\"\npackages = [\"bash\", \"nano\"]\nlocale=\"C.UTF-8\"\n");
  const std::string b =
      write("b.toml",
            "locale = 'C.UTF-8'\ndescription = \"two\"\npackages = [\n\"nano\",\n\"bash\"]\nsuite = \"bookworm\"\n");
  EXPECT_EQ(recipe_digest(load(a)), recipe_digest(load(b)));
  EXPECT_NE(recipe_digest(load(a)), recipe_digest(load(b, {"trixie", ""})));
}

TEST_F(RecipeLoading, WhatIsShownCanBeLoadedAgain) {
  write("blob", Bytes("\0\xff", 2), 0755);
  write("base.toml", "suite = \"bookworm\"\ngroups = [\"task:web-server\"]\npackages = [\"nano\"]\n");
  const Recipe recipe = load(write("r.toml", R"toml(
extends = "base.toml"
packages = ["bash"]
[[file]]
path = "/opt/blob"
source = "blob"
[[file]]
path = "/etc/quotes"
content = "a \"b\"\n\\c\r\n\u0001"
[[user]]
name = "ada"
[[hook]]
script = "true"
[[test]]
command = "true"
[pins]
bash = "5*"
[debconf]
"tzdata tzdata/Areas" = "select Etc"
)toml"));
  const std::string shown = recipe_to_toml(recipe);
  EXPECT_NE(shown.find("packages = [\n  # of base\n  \"nano\",\n  # its own\n  \"bash\",\n]"), std::string::npos)
      << shown;
  Recipe again = load(write("again.toml", shown));
  EXPECT_EQ(again.wishes, (std::vector<RecipeWishes>{{"r", {"nano", "bash"}, {"task:web-server"}}}));
  again.wishes = recipe.wishes;
  EXPECT_EQ(again, recipe);
}

TEST(RecipeDifferences, SayInWordsWhatWasAddedRemovedAndChanged) {
  Recipe before;
  before.suite = "bookworm";
  before.wishes = {{"base", {"nano"}, {}}};
  before.files = {{"/etc/motd", "hi", "", false, {}, "", ""}};
  Recipe after = before;
  after.suite = "trixie";
  after.wishes = {{"other", {"vim"}, {}}};
  after.files[0].mode = uint16_t{0600};
  std::string words;
  for (const RecipeDifference& difference : recipe_diff(before, after)) words += difference.describe() + "\n";
  EXPECT_EQ(words,
            "~ suite: bookworm → trixie\n- wish for nano\n+ wish for vim\n"
            "~ file /etc/motd: 2 bytes (8f434346648f) → 2 bytes (8f434346648f), mode 0600\n");
  EXPECT_TRUE(recipe_diff(before, before).empty());
}

TEST(LockDifferences, NamePackagesByVersionAndWhatWasRebuilt) {
  Lock before;
  before.architecture = "amd64";
  before.packages = {{"bash", "5.2-1", "amd64", "p", 1, Digest::of("a"), 0, 0},
                     {"dash", "0.5", "amd64", "p", 1, Digest::of("b"), 0, 0},
                     {"nano", "7", "amd64", "p", 1, Digest::of("c"), 0, 0}};
  Lock after = before;
  after.packages[0].version = "5.2-2";
  after.packages[1].digest = Digest::of("d");
  after.packages[2].name = "vim";
  std::string words;
  for (const RecipeDifference& difference : lock_diff(before, after)) words += difference.describe() + "\n";
  EXPECT_EQ(words, str("~ package bash:amd64: 5.2-1 → 5.2-2\n- package nano:amd64: 7\n+ package vim:amd64: 7\n"
                       "~ bytes of package dash: ",
                       Digest::of("b").brief(), " → ", Digest::of("d").brief(), "\n"));
}

TEST(ReadyRecipes, AllLoadInBothSuitesAndNameNoMirror) {
  std::vector<std::string> names;
  for (const ReadyRecipe& ready : ready_recipes()) {
    names.push_back(ready.name);
    const Result<Recipe> recipe = load_recipe(ready.name);
    ASSERT_TRUE(recipe) << recipe.error().message;
    EXPECT_EQ(recipe->suite, ready.name.ends_with("-trixie") ? "trixie" : "bookworm");
    EXPECT_TRUE(recipe->archives.empty());
    EXPECT_FALSE(recipe->description.empty());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"minimal", "minimal-trixie", "python-analysis", "python-analysis-trixie",
                                             "server", "server-trixie", "standard", "standard-trixie", "worker",
                                             "worker-trixie"}));
}

}  // namespace
}  // namespace granary
