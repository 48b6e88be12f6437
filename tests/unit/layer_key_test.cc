#include "builder/cook/layer_key.h"

#include <gmock/gmock.h>

#include <functional>
#include <set>

namespace granary {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

LockedPackage package(const std::string& name, const std::string& version, uint32_t layer) {
  LockedPackage package;
  package.name = name;
  package.version = version;
  package.architecture = "amd64";
  package.digest = Digest::of(name + version);
  package.layer = layer;
  return package;
}

Lock some_lock() {
  Lock lock;
  lock.architecture = "amd64";
  lock.source_date_epoch = 1'700'000'000;
  lock.layers = {"core", "standard"};
  lock.packages = {package("base-files", "12.4", 0), package("bash", "5.2", 0), package("openssl", "3.0.15", 1)};
  LockedAccount account;
  account.name = "sshd";
  account.id = 101;
  account.package = "openssl";
  lock.accounts = {account};
  lock.recipe.name = "web";
  lock.recipe.locale = "C.UTF-8";
  RecipeFile file;
  file.path = "/etc/motd";
  file.content = "hello";
  lock.recipe.files = {file};
  lock.recipe.hooks = {{"setup", "echo 1"}, {"more", "echo 2"}};
  RecipeUser user;
  user.name = "anna";
  lock.recipe.users = {user};
  lock.recipe.groups = {{"staff", 50}};
  return lock;
}

std::vector<LayerKey> keys_of(const Lock& lock, InstallMode mode = InstallMode::kFast) {
  std::vector<LayerKey> keys;
  for (const LayerInputs& layer : layers_of(lock, mode)) keys.push_back(layer.key());
  return keys;
}

// How many layers, from the lowest, are still the same after the change.
template <class Change>
size_t layers_kept(Change change) {
  Lock lock = some_lock();
  change(lock);
  const auto before = keys_of(some_lock()), after = keys_of(lock);
  size_t kept = 0;
  while (kept < 3 && before[kept] == after[kept]) ++kept;
  return kept;
}

TEST(LayerKeyTest, TheSameLockHasTheSameKeys) {
  EXPECT_EQ(keys_of(some_lock()), keys_of(some_lock()));
  EXPECT_EQ(keys_of(some_lock()).size(), 3U);
}

TEST(LayerKeyTest, EveryInputChangesItsLayerAndThoseAbove) {
  EXPECT_EQ(layers_kept([](Lock& lock) { lock.source_date_epoch += 1; }), 0U);
  EXPECT_EQ(layers_kept([](Lock& lock) { lock.architecture = "arm64"; }), 0U);
  EXPECT_EQ(layers_kept([](Lock& lock) { lock.packages[0].version = "12.5"; }), 0U);
  EXPECT_EQ(layers_kept([](Lock& lock) { lock.packages[0].digest = Digest::of("other"); }), 0U);
  EXPECT_EQ(layers_kept([](Lock& lock) { std::swap(lock.packages[0], lock.packages[1]); }), 0U);
  EXPECT_EQ(layers_kept([](Lock& lock) { lock.recipe.debconf["tzdata tzdata/Areas"] = "select Europe"; }), 0U);
  EXPECT_EQ(layers_kept([](Lock& lock) { lock.packages[2].version = "3.0.16"; }), 1U);
  EXPECT_EQ(layers_kept([](Lock& lock) { lock.accounts[0].id = 102; }), 1U);
  EXPECT_EQ(layers_kept([](Lock& lock) { lock.accounts[0].home = "/run"; }), 1U);
  EXPECT_EQ(layers_kept([](Lock& lock) { lock.layers[1] = "other"; }), 1U);
}

TEST(LayerKeyTest, TheRecipesOwnPartsChangeTheLastLayerAlone) {
  const std::vector<std::function<void(Recipe&)>> changes{
      [](Recipe& recipe) { recipe.locale = "de_DE.UTF-8"; },
      [](Recipe& recipe) { recipe.timezone = "Europe/Berlin"; },
      [](Recipe& recipe) { recipe.hostname = "web"; },
      [](Recipe& recipe) { recipe.files[0].content = "hallo"; },
      [](Recipe& recipe) { recipe.files[0].content = ""; },
      [](Recipe& recipe) { recipe.files[0].content.reset(); },
      [](Recipe& recipe) { recipe.files[0].mode = 0600; },
      [](Recipe& recipe) { recipe.files[0].owner = "anna"; },
      [](Recipe& recipe) { recipe.files[0].group = "staff"; },
      [](Recipe& recipe) { recipe.files[0].directory = true; },
      [](Recipe& recipe) { recipe.files[0].target = "issue"; },
      [](Recipe& recipe) { recipe.hooks[0].script = "echo 3"; },
      [](Recipe& recipe) { std::swap(recipe.hooks[0], recipe.hooks[1]); },
      [](Recipe& recipe) { recipe.users[0].uid = 1000; },
      [](Recipe& recipe) { recipe.users[0].gid = 1000; },
      [](Recipe& recipe) { recipe.users[0].group = "users"; },
      [](Recipe& recipe) { recipe.users[0].groups = {"sudo"}; },
      [](Recipe& recipe) { recipe.users[0].home = "/srv"; },
      [](Recipe& recipe) { recipe.users[0].shell = "/bin/sh"; },
      [](Recipe& recipe) { recipe.users[0].comment = "Anna"; },
      [](Recipe& recipe) { recipe.users[0].password_hash = "$6$"; },
      [](Recipe& recipe) { recipe.users[0].ssh_keys = {"ssh-ed25519 A"}; },
      [](Recipe& recipe) { recipe.users[0].system = true; },
      [](Recipe& recipe) { recipe.groups[0].gid = 51; },
  };
  std::set<LayerKey> seen{keys_of(some_lock()).back()};
  for (size_t i = 0; i < changes.size(); ++i) {
    EXPECT_EQ(layers_kept([&](Lock& lock) { changes[i](lock.recipe); }), 2U) << i;
    Lock lock = some_lock();
    changes[i](lock.recipe);
    EXPECT_TRUE(seen.insert(keys_of(lock).back()).second) << i;
  }
}

TEST(LayerKeyTest, WhatDoesNotReachTheTreeChangesNoKey) {
  EXPECT_EQ(layers_kept([](Lock& lock) { lock.recipe.description = "other"; }), 3U);
  EXPECT_EQ(layers_kept([](Lock& lock) { lock.recipe.tests = {{"t", "true", 5}}; }), 3U);
  EXPECT_EQ(layers_kept([](Lock& lock) { lock.packages[0].path = "pool/elsewhere"; }), 3U);
}

TEST(LayerKeyTest, TheModeIsAnInput) {
  EXPECT_NE(keys_of(some_lock())[0], keys_of(some_lock(), InstallMode::kReference)[0]);
}

TEST(LayerKeyTest, DifferencesAreToldInWords) {
  const auto before = layers_of(some_lock(), InstallMode::kFast);
  Lock lock = some_lock();
  lock.packages[2].version = "3.0.16";
  lock.packages.push_back(package("less", "590", 1));
  lock.recipe.hooks[0].script = "echo 3";
  lock.recipe.files[0].path = "/etc/issue";
  const auto after = layers_of(lock, InstallMode::kFast);
  EXPECT_THAT(differences(before[0], after[0]), ElementsAre());
  EXPECT_THAT(differences(before[1], after[1]), ElementsAre("package less 590 added", "openssl 3.0.15 → 3.0.16"));
  EXPECT_THAT(differences(before[2], after[2]), ElementsAre("file /etc/issue added", "hook setup changed",
                                                            "file /etc/motd removed", "the layer below changed"));
}

TEST(LayerKeyTest, EveryDifferenceOfKeysIsTold) {
  const auto before = layers_of(some_lock(), InstallMode::kFast);
  for (const auto& change : std::vector<std::function<void(Lock&)>>{
           [](Lock& lock) { lock.source_date_epoch += 1; },
           [](Lock& lock) { std::swap(lock.packages[0], lock.packages[1]); },
           [](Lock& lock) { lock.packages[0].digest = Digest::of("other"); },
           [](Lock& lock) { lock.recipe.debconf["a b"] = "c"; }, [](Lock& lock) { lock.architecture = "arm64"; }}) {
    Lock lock = some_lock();
    change(lock);
    EXPECT_FALSE(differences(before[0], layers_of(lock, InstallMode::kFast)[0]).empty());
  }
  EXPECT_FALSE(differences(before[0], layers_of(some_lock(), InstallMode::kReference)[0]).empty());
  Lock swapped = some_lock();
  std::swap(swapped.recipe.hooks[0], swapped.recipe.hooks[1]);
  EXPECT_THAT(differences(before[2], layers_of(swapped, InstallMode::kFast)[2]), Contains(HasSubstr("order")));
}

TEST(LayerKeyTest, TheDocumentSurvivesBeingKept) {
  for (const LayerInputs& layer : layers_of(some_lock(), InstallMode::kFast)) {
    const auto parsed = LayerInputs::parse(layer.text());
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->key(), layer.key());
    EXPECT_EQ(parsed->name, layer.name);
  }
  EXPECT_FALSE(LayerInputs::parse("{}"));
}

TEST(LayerKeyTest, TheNearestHasTheSameNameAndMostInCommon) {
  Lock other = some_lock();
  other.packages[1].name = "dash";
  const auto known = layers_of(other, InstallMode::kFast);
  Lock wanted = some_lock();
  wanted.source_date_epoch += 1;
  std::vector<LayerInputs> all = known;
  for (const LayerInputs& layer : layers_of(some_lock(), InstallMode::kFast)) all.push_back(layer);
  const LayerInputs* found = nearest(layers_of(wanted, InstallMode::kFast)[0], all);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->key(), keys_of(some_lock())[0]);
  EXPECT_EQ(nearest(layers_of(wanted, InstallMode::kFast)[1], {known[0]}), nullptr);
}

}  // namespace
}  // namespace granary
