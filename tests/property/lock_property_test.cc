// Random recipes and locks: what was written is read back as the same, and is written the same again; what is shown of
// a recipe asks for the same. GRANARY_SEED=N repeats a run.
#include <gtest/gtest.h>

#include <set>

#include "builder/recipe/lock.h"
#include "builder/recipe/recipe_file.h"
#include "builder/recipe/recipe_json.h"
#include "builder/recipe/recipe_text.h"
#include "tests/support/seed.h"

namespace granary {
namespace {

class RandomLocks {
 public:
  explicit RandomLocks(std::mt19937_64& random) : random_(random) {}

  Lock lock() {
    Lock lock;
    lock.recipe = recipe();
    lock.recipe_digest = recipe_digest(lock.recipe);
    lock.architecture = "amd64";
    lock.source_date_epoch = static_cast<UnixSeconds>(below(2'000'000'000));
    lock.solver = words();
    lock.skipped_newer = random_() >> 1;
    lock.package_count = below(1000);
    for (size_t i = 0; i < 1 + below(3); ++i)
      lock.releases.push_back({name(),
                               name(),
                               name(),
                               static_cast<UnixSeconds>(below(1u << 31)),
                               maybe<UnixSeconds>(),
                               Digest::of(words()),
                               {name(), name()}});
    for (size_t i = 0; i < 1 + below(4); ++i)
      lock.indices.push_back({pick(lock.releases), path(), random_() >> 1, Digest::of(words())});
    for (size_t i = 0; i < 1 + below(4); ++i) lock.layers.push_back(name());
    std::vector<uint32_t> layers;
    for (size_t i = 0; i < below(40); ++i) layers.push_back(pick(lock.layers));
    std::sort(layers.begin(), layers.end());
    for (const uint32_t layer : layers)
      lock.packages.push_back({str("p", number_++), version(), below(2) == 0 ? "all" : "amd64", path(), random_() >> 1,
                               Digest::of(words()), pick(lock.indices), layer});
    for (size_t i = 0; i < below(5); ++i) {
      lock.accounts.push_back({str("g", number_++), true, id(), 0, "", "", "", name()});
      lock.accounts.push_back({str("u", number_++), false, id(), id(), "/" + path(), "/" + path(), "Ada L.", name()});
    }
    return lock;
  }

  Recipe recipe() {
    Recipe recipe;
    recipe.name = name();
    recipe.description = text();
    recipe.suite = name();
    recipe.architecture = below(2) == 0 ? "" : "arm64";
    recipe.recommends = below(2) == 0;
    recipe.wishes.push_back({recipe.name, {name(), name() + " (>= " + version() + ")"}, {"task:" + name()}});
    recipe.exclude = {str("x", number_++)};
    recipe.pins = {{name(), version() + "*"}};
    recipe.archives = {{name(), "https://apt.example.org/", name(), {"main"}, bytes()}};
    std::set<std::string> paths;
    for (size_t i = 0; i < below(6); ++i) paths.insert("/" + path());
    for (const std::string& at : paths) recipe.files.push_back(file(at));
    recipe.users.push_back({name(),
                            maybe<uint32_t>(),
                            maybe<uint32_t>(),
                            "",
                            {name()},
                            "/" + path(),
                            "",
                            "Ada",
                            "",
                            {"ssh-ed25519 AAAA"},
                            below(2) == 0});
    recipe.groups.push_back({name(), maybe<uint32_t>()});
    recipe.hooks.push_back({words(), "#!/bin/sh\n" + text()});
    recipe.tests.push_back({words(), "true " + text(), static_cast<uint32_t>(1 + below(1000))});
    recipe.boot = {{"modules", words()}};
    recipe.debconf = {{name() + " " + words(), "string " + words()}};
    return recipe;
  }

 private:
  uint64_t below(uint64_t end) { return random_() % end; }
  template <class Item>
  uint32_t pick(const std::vector<Item>& items) {
    return static_cast<uint32_t>(below(items.size()));
  }
  template <class T>
  std::optional<T> maybe() {
    if (below(2) == 0) return std::nullopt;
    return static_cast<T>(below(100'000));
  }
  uint32_t id() { return static_cast<uint32_t>(below(60'000)); }
  std::string from(std::string_view letters, size_t most) {
    std::string out;
    for (size_t i = 0; i < 1 + below(most); ++i) out += letters[below(letters.size())];
    return out;
  }
  std::string name() { return "n" + from("abcxyz0189", 10); }
  std::string version() { return "1" + from("0123456789.", 8) + "-" + from("0123456789+~", 4); }
  std::string path() { return name() + "/" + name(); }
  std::string words() { return from("ab \"\\'#=[]{}", 20); }
  std::string text() { return from("ab\n\t\"\\'#\r", 40) + "ü粮"; }
  Bytes bytes() {
    Bytes out;
    for (size_t i = 0; i < 1 + below(40); ++i) out += static_cast<char>(random_());
    return out;
  }
  RecipeFile file(const std::string& at) {
    RecipeFile file{at, {}, "", false, {}, "", ""};
    switch (below(4)) {
      case 0: file.content = text(); break;
      case 1: file.content = bytes(); break;
      case 2: file.target = words(); break;
      default: file.directory = true;
    }
    if (below(2) == 0) file.mode = static_cast<uint16_t>(below(010000));
    if (below(2) == 0) file.owner = name();
    return file;
  }

  std::mt19937_64& random_;
  uint64_t number_ = 10;
};

TEST(LockProperty, WhatIsWrittenIsReadBackAsTheSame) {
  std::mt19937_64 random = seeded_random();
  RandomLocks locks(random);
  for (int i = 0; i < 200; ++i) {
    const Lock lock = locks.lock();
    const Bytes written = lock.serialise();
    const Result<Lock> read = Lock::parse(written);
    ASSERT_TRUE(read) << read.error().message << "\n" << written;
    ASSERT_EQ(*read, lock) << written;
    ASSERT_EQ(read->serialise(), written);
  }
}

TEST(LockProperty, ADamagedLockIsReadAsItselfOrRefused) {
  std::mt19937_64 random = seeded_random();
  RandomLocks locks(random);
  for (int i = 0; i < 500; ++i) {
    Bytes written = locks.lock().serialise();
    written[random() % written.size()] = static_cast<char>(random());
    const Result<Lock> read = Lock::parse(written);
    if (!read) continue;
    ASSERT_EQ(*Lock::parse(read->serialise()), *read);
  }
}

TEST(RecipeProperty, WhatIsShownAsksForTheSame) {
  std::mt19937_64 random = seeded_random();
  RandomLocks locks(random);
  for (int i = 0; i < 200; ++i) {
    const Recipe recipe = locks.recipe();
    const std::string shown = recipe_to_toml(recipe);
    const auto table = parse_toml(shown);
    ASSERT_TRUE(std::holds_alternative<TomlValue::Table>(table)) << shown;
    Recipe again;
    std::vector<RecipeProblem> problems;
    uint64_t left_bytes = 0;
    Beside nothing("", left_bytes);
    apply_recipe_file(std::get<TomlValue::Table>(table), "r.toml", RecipeFileKind::kRecipe, nothing, again, problems);
    complete_recipe(again, "r.toml", problems);
    ASSERT_TRUE(problems.empty()) << problems[0].describe() << "\n" << shown;
    ASSERT_EQ(again, recipe) << shown;
  }
}

}  // namespace
}  // namespace granary
