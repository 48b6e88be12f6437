#include "builder/recipe/lock.h"

#include <gtest/gtest.h>

#include "builder/recipe/recipe_json.h"

namespace granary {
namespace {

Lock small_lock() {
  Lock lock;
  lock.recipe.name = "small";
  lock.recipe.suite = "bookworm";
  lock.recipe.wishes = {{"small", {"bash"}, {"priority:required"}}};
  lock.recipe.files = {{"/etc/motd", "hi\n", "", false, uint16_t{0644}, "", ""},
                       {"/opt/blob", Bytes("\0\xff", 2), "", false, {}, "", ""},
                       {"/etc/link", {}, "motd", false, {}, "", ""}};
  lock.recipe_digest = recipe_digest(lock.recipe);
  lock.architecture = "amd64";
  lock.source_date_epoch = 1'700'000'000;
  lock.releases = {{"debian", "bookworm", "bookworm", 1'700'000'000, {}, Digest::of("release"), {"ABCD"}}};
  lock.indices = {{0, "main/binary-amd64/Packages.xz", 5, Digest::of("index")}};
  lock.layers = {"core", "small"};
  lock.packages = {{"base-files", "12.4", "amd64", "pool/b/base-files.deb", 70, Digest::of("1"), 0, 0},
                   {"bash", "5.2-1+b2", "amd64", "pool/b/bash.deb", 71, Digest::of("2"), 0, 1}};
  lock.accounts = {{"crontab", true, 101, 0, "", "", "", "cron"},
                   {"sshd", false, 102, 65534, "/run/sshd", "/usr/sbin/nologin", "", "openssh-server"}};
  lock.solver = "clasp 3.3.5";
  lock.skipped_newer = 2;
  lock.package_count = 2;
  return lock;
}

std::string complaint_about(const std::string& was, const std::string& is) {
  Bytes text = small_lock().serialise();
  const size_t at = text.find(was);
  if (at == Bytes::npos) return "nothing to replace";
  text.replace(at, was.size(), is);
  const Result<Lock> lock = Lock::parse(text);
  return lock ? "none" : lock.error().message;
}

TEST(Lock, ReadsBackWhatItWrote) {
  const Bytes written = small_lock().serialise();
  const Result<Lock> read = Lock::parse(written);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, small_lock());
  EXPECT_EQ(read->serialise(), written);
  EXPECT_EQ(read->digest(), small_lock().digest());
}

TEST(Lock, ShowsAPackageALineAndEndsWithOne) {
  const Bytes written = small_lock().serialise();
  EXPECT_NE(written.find("\n    {\"name\": \"bash\", \"version\": \"5.2-1+b2\", \"architecture\": \"amd64\", "),
            Bytes::npos)
      << written;
  EXPECT_TRUE(written.ends_with("\n}\n"));
}

TEST(Lock, SaysWhichMemberContradictsTheOthers) {
  EXPECT_EQ(complaint_about(R"("index": 0, "layer": 1)", R"("index": 1, "layer": 1)"),
            R"(lock: packages 2: "index" is 1, but there are 1 indices)");
  EXPECT_EQ(complaint_about(R"("index": 0, "layer": 1)", R"("index": 0, "layer": 2)"),
            R"(lock: packages 2: "layer" is 2, but there are 2 layers)");
  EXPECT_EQ(complaint_about(R"("index": 0, "layer": 0)", R"("index": 0, "layer": 1)"), "none");
  EXPECT_NE(complaint_about(R"("name": "bash")", R"("name": "base-files")").find("base-files:amd64 twice"),
            std::string::npos);
  EXPECT_NE(complaint_about("pool/b/bash.deb", "pool/../../bash.deb").find("\"path\""), std::string::npos);
  EXPECT_NE(complaint_about("pool/b/bash.deb", "/pool/b/bash.deb").find("\"path\""), std::string::npos);
  EXPECT_NE(complaint_about("priority:required", "priority:standard").find("\"recipe_digest\""), std::string::npos);
  EXPECT_NE(complaint_about("/etc/motd", "/etc/../motd").find("files 1"), std::string::npos);
}

TEST(Lock, RefusesWhatOnlyANewerGranaryKnows) {
  EXPECT_EQ(Lock::parse(R"({"granary":"lock","format":2})").error().code, Code::kUnsupported);
  EXPECT_EQ(Lock::parse(R"({"granary":"lock","format":1,"critical":["weather"]})").error().code, Code::kUnsupported);
  EXPECT_EQ(Lock::parse(R"({"granary":"pin","format":1})").error().code, Code::kCorrupt);
  EXPECT_EQ(Lock::parse("").error().code, Code::kCorrupt);
}

TEST(RecipeDigest, CoversWhatDecidesAboutTheTreeAndNothingElse) {
  const Recipe recipe = small_lock().recipe;
  Recipe renamed = recipe;
  renamed.name = "other";
  renamed.description = "words";
  renamed.wishes[0].recipe = "other";
  std::swap(renamed.files[0], renamed.files[2]);
  EXPECT_EQ(recipe_digest(renamed), recipe_digest(recipe));
  Recipe changed = recipe;
  changed.files[0].content = "ho\n";
  EXPECT_NE(recipe_digest(changed), recipe_digest(recipe));
}

}  // namespace
}  // namespace granary
