#include "builder/recipe/differences.h"

#include <map>

#include "builder/recipe/names.h"

namespace granary {

namespace {
// Everything that can differ, by what it is called; what people look for first comes first.
using Facts = std::map<std::pair<int, std::string>, std::string>;

class FactList {
 public:
  void add(const std::string& what, const std::string& value = {}) { facts_[{section_, what}] = value; }
  void add_unless_empty(const std::string& what, const std::string& value) {
    if (!value.empty()) add(what, value);
  }
  void next_section() { ++section_; }
  Facts take() { return std::move(facts_); }

 private:
  int section_ = 0;
  Facts facts_;
};

// For people; only contents that are equal are described alike.
std::string content_words(const Bytes& bytes) { return str(bytes.size(), " bytes (", Digest::of(bytes).brief(), ")"); }

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string words_of(const RecipeFile& file) {
  std::string out = file.directory ? "directory" : file.content ? content_words(*file.content) : "→ " + file.target;
  if (file.mode) out += ", mode " + format_mode(*file.mode);
  if (!file.owner.empty()) out += ", owner " + file.owner;
  if (!file.group.empty()) out += ", group " + file.group;
  return out;
}

std::string words_of(const RecipeUser& user) {
  std::string out;
  const auto word = [&](const char* name, const std::string& value) {
    if (!value.empty()) out += str(out.empty() ? "" : ", ", name, " ", value);
  };
  word("uid", user.uid ? str(*user.uid) : "");
  word("gid", user.gid ? str(*user.gid) : "");
  word("group", user.group);
  word("groups", join(user.groups));
  word("home", user.home);
  word("shell", user.shell);
  word("comment", user.comment);
  word("password", user.password_hash.empty() ? "" : Digest::of(user.password_hash).brief());
  word("keys", user.ssh_keys.empty() ? "" : content_words(join(user.ssh_keys)));
  word("system", user.system ? "yes" : "");
  return out;
}

void add_recipe(FactList& facts, const Recipe& recipe) {
  facts.add_unless_empty("description", recipe.description);
  facts.add_unless_empty("suite", recipe.suite);
  facts.add_unless_empty("architecture", recipe.architecture);
  facts.add("recommended packages", recipe.recommends ? "taken along" : "left out");
  facts.add_unless_empty("locale", recipe.locale);
  facts.add_unless_empty("time zone", recipe.timezone);
  facts.add_unless_empty("host name", recipe.hostname);
  facts.next_section();
  for (const RecipeArchive& archive : recipe.archives)
    facts.add("archive " + archive.name + " " + archive.suite,
              str(archive.url.empty() ? "the host's" : archive.url, " ", join(archive.components), " ",
                  archive.keyring.empty() ? "" : content_words(archive.keyring)));
  for (const RecipeWishes& wishes : recipe.wishes) {
    for (const std::string& group : wishes.groups) facts.add("wish for " + group);
    for (const std::string& package : wishes.packages) facts.add("wish for " + package);
  }
  for (const std::string& package : recipe.exclude) facts.add("exclusion of " + package);
  for (const RecipePin& pin : recipe.pins) facts.add("pin of " + pin.package, pin.version);
  facts.next_section();
  for (const RecipeFile& file : recipe.files) facts.add("file " + file.path, words_of(file));
  for (const RecipeGroup& group : recipe.groups) facts.add("group " + group.name, group.gid ? str(*group.gid) : "");
  for (const RecipeUser& user : recipe.users) facts.add("user " + user.name, words_of(user));
  size_t number = 0;
  for (const RecipeHook& hook : recipe.hooks) facts.add(str("hook number ", ++number), content_words(hook.script));
  number = 0;
  for (const RecipeTest& test : recipe.tests)
    facts.add(str("test number ", ++number), str(test.command, " (", test.timeout_seconds, " s)"));
  for (const auto& [key, value] : recipe.boot) facts.add("boot " + key, value);
  for (const auto& [question, answer] : recipe.debconf) facts.add("answer to " + question, answer);
}

std::vector<RecipeDifference> compare(const Facts& before, const Facts& after) {
  using Kind = RecipeDifference::Kind;
  std::vector<RecipeDifference> out;
  auto was = before.begin();
  auto is = after.begin();
  while (was != before.end() || is != after.end()) {
    if (is == after.end() || (was != before.end() && was->first < is->first)) {
      out.push_back({Kind::kRemoved, was->first.second, was->second, ""});
      ++was;
    } else if (was == before.end() || is->first < was->first) {
      out.push_back({Kind::kAdded, is->first.second, "", is->second});
      ++is;
    } else {
      if (was->second != is->second) out.push_back({Kind::kChanged, is->first.second, was->second, is->second});
      ++was, ++is;
    }
  }
  return out;
}

void add_lock(FactList& facts, const Lock& lock) {
  facts.add("architecture", lock.architecture);
  for (const LockedRelease& release : lock.releases)
    facts.add("index of " + release.archive + " " + release.suite,
              str(format_utc(release.date), " (", release.inrelease.brief(), ")"));
  facts.next_section();
  for (const LockedPackage& package : lock.packages)
    facts.add("package " + package.name + (package.architecture == "all" ? "" : ":" + package.architecture),
              package.version);
  facts.next_section();
  for (const LockedAccount& account : lock.accounts)
    facts.add((account.is_group ? "system group " : "system user ") + account.name, str(account.id));
}

// The same version under another digest: somebody rebuilt a package without saying so.
void add_rebuilt(std::vector<RecipeDifference>& out, const Lock& before, const Lock& after) {
  std::map<std::string, const LockedPackage*> known;
  for (const LockedPackage& package : before.packages) known[package.name + ":" + package.architecture] = &package;
  for (const LockedPackage& package : after.packages) {
    const auto found = known.find(package.name + ":" + package.architecture);
    if (found == known.end() || found->second->version != package.version) continue;
    if (found->second->digest != package.digest)
      out.push_back({RecipeDifference::Kind::kChanged, "bytes of package " + package.name,
                     found->second->digest.brief(), package.digest.brief()});
  }
}
}  // namespace

std::string RecipeDifference::describe() const {
  if (kind == Kind::kChanged)
    return str("~ ", printable(what), ": ", before.empty() ? "none" : printable(before), " → ",
               after.empty() ? "none" : printable(after));
  const std::string& value = kind == Kind::kAdded ? after : before;
  return str(kind == Kind::kAdded ? "+ " : "- ", printable(what), value.empty() ? "" : ": " + printable(value));
}

std::vector<RecipeDifference> recipe_diff(const Recipe& before, const Recipe& after) {
  FactList was;
  FactList is;
  add_recipe(was, before);
  add_recipe(is, after);
  return compare(was.take(), is.take());
}

std::vector<RecipeDifference> lock_diff(const Lock& before, const Lock& after) {
  FactList was;
  FactList is;
  add_lock(was, before);
  add_lock(is, after);
  std::vector<RecipeDifference> out = compare(was.take(), is.take());
  add_rebuilt(out, before, after);
  for (RecipeDifference& difference : recipe_diff(before.recipe, after.recipe)) {
    difference.what = "recipe: " + difference.what;
    out.push_back(std::move(difference));
  }
  return out;
}

}  // namespace granary
