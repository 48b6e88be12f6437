#include "builder/recipe/recipe_json.h"

#include <algorithm>
#include <set>

#include "builder/recipe/names.h"
#include "fs/format/paths.h"

namespace granary {

namespace {
constexpr size_t kMaxTextBytes = size_t{64} << 20;  // the whole document is bounded; a member need not be

using Object = JsonValue::Object;
using Array = JsonValue::Array;

void put(Object& out, const char* name, const std::string& text) {
  if (!text.empty()) out[name] = text;
}
void put(Object& out, const char* name, const std::vector<std::string>& texts) {
  if (!texts.empty()) out[name] = Array(texts.begin(), texts.end());
}
void put(Object& out, const char* name, bool flag) {
  if (flag) out[name] = true;
}
void put(Object& out, const char* name, std::optional<uint32_t> number) {
  if (number) out[name] = *number;
}
void put(Object& out, const char* name, const std::map<std::string, std::string>& texts) {
  if (!texts.empty()) out[name] = Object(texts.begin(), texts.end());
}
void put_bytes(Object& out, const Bytes& bytes) {
  if (is_text(bytes)) {
    out["text"] = bytes;
  } else {
    out["base64"] = to_base64(bytes);
  }
}

Object to_json(const RecipeArchive& archive) {
  Object out{{"name", archive.name}};
  put(out, "url", archive.url);
  put(out, "suite", archive.suite);
  put(out, "components", archive.components);
  if (!archive.keyring.empty()) out["keyring"] = to_base64(archive.keyring);
  return out;
}

Object to_json(const RecipeWishes& wishes) {
  Object out;
  put(out, "recipe", wishes.recipe);
  put(out, "packages", wishes.packages);
  put(out, "groups", wishes.groups);
  return out;
}

Object to_json(const RecipePin& pin) { return {{"package", pin.package}, {"version", pin.version}}; }

Object to_json(const RecipeFile& file) {
  Object out{{"path", file.path}};
  if (file.content) put_bytes(out, *file.content);
  put(out, "target", file.target);
  put(out, "directory", file.directory);
  if (file.mode) out["mode"] = format_mode(*file.mode);
  put(out, "owner", file.owner);
  put(out, "group", file.group);
  return out;
}

Object to_json(const RecipeUser& user) {
  Object out{{"name", user.name}};
  put(out, "uid", user.uid);
  put(out, "gid", user.gid);
  put(out, "group", user.group);
  put(out, "groups", user.groups);
  put(out, "home", user.home);
  put(out, "shell", user.shell);
  put(out, "comment", user.comment);
  put(out, "password_hash", user.password_hash);
  put(out, "ssh_keys", user.ssh_keys);
  put(out, "system", user.system);
  return out;
}

Object to_json(const RecipeGroup& group) {
  Object out{{"name", group.name}};
  put(out, "gid", group.gid);
  return out;
}

Object to_json(const RecipeHook& hook) {
  Object out;
  put(out, "name", hook.name);
  put_bytes(out, hook.script);
  return out;
}

Object to_json(const RecipeTest& test) {
  Object out{{"command", test.command}, {"timeout_seconds", test.timeout_seconds}};
  put(out, "name", test.name);
  return out;
}

template <class Item>
void put_each(Object& out, const char* name, const std::vector<Item>& items) {
  if (items.empty()) return;
  Array array;
  for (const Item& item : items) array.push_back(to_json(item));
  out[name] = std::move(array);
}

// Reads members, and afterwards says which ones nobody asked for.
class Reader {
 public:
  explicit Reader(const JsonReader& in) : in_(in) {}

  Status text(const char* name, std::string& to) {
    if (seen(name)) to = TRY(in_.text(name, kMaxTextBytes));
    return Done{};
  }
  Status texts(const char* name, std::vector<std::string>& to) {
    if (seen(name)) to = TRY(in_.texts(name));
    return Done{};
  }
  Status flag(const char* name, bool& to) {
    if (!seen(name)) return Done{};
    const bool* value = TRY(in_.value(name))->boolean();
    if (value == nullptr) return in_.wrong(name, "is neither true nor false");
    to = *value;
    return Done{};
  }
  Status number(const char* name, std::optional<uint32_t>& to) {
    if (!seen(name)) return Done{};
    const uint64_t value = TRY(in_.integer(name));
    if (value > UINT32_MAX) return in_.wrong(name, "is too large");
    to = static_cast<uint32_t>(value);
    return Done{};
  }
  Status map(const char* name, std::map<std::string, std::string>& to) {
    if (!seen(name)) return Done{};
    for (const auto& [key, value] : *TRY(in_.object(name))) {
      if (value.text() == nullptr) return in_.wrong(name, "has a value that is not text");
      to.emplace(key, *value.text());
    }
    return Done{};
  }
  Status base64(const char* name, Bytes& to) {
    if (seen(name)) to = TRY(in_.base64(name));
    return Done{};
  }
  // "text" or "base64"; which of them put_bytes would not have written is refused.
  Result<std::optional<Bytes>> bytes() {
    const bool as_text = seen("text");
    const bool as_base64 = seen("base64");
    if (as_text && as_base64) return in_.wrong("base64", "stands beside \"text\"");
    Bytes bytes;
    if (as_text) TRY(text("text", bytes));
    if (as_base64) TRY(base64("base64", bytes));
    if (as_base64 && is_text(bytes)) return in_.wrong("base64", "should be \"text\"");
    if (as_text && !is_text(bytes)) return in_.wrong("text", "should be \"base64\"");
    if (!as_text && !as_base64) return std::optional<Bytes>{};
    return std::optional<Bytes>(std::move(bytes));
  }
  template <class Item>
  Status each(const char* name, std::vector<Item>& to, Result<Item> (*read)(const JsonReader&)) {
    if (!seen(name)) return Done{};
    for (const JsonValue& value : *TRY(in_.array(name))) {
      const JsonReader item = TRY(JsonReader::of(value, str(in_.what(), ": ", name, " ", to.size() + 1)));
      to.push_back(TRY(read(item)));
    }
    return Done{};
  }
  Status nothing_else() const {
    for (const auto& [name, value] : in_.members())
      if (!seen_.contains(name)) return in_.wrong(name, "is not known");
    return Done{};
  }
  Status must(bool holds, const char* name, const std::string& why) const {
    if (holds) return Done{};
    return in_.wrong(name, why);
  }

 private:
  bool seen(const char* name) {
    seen_.insert(name);
    return in_.has(name);
  }
  const JsonReader& in_;
  std::set<std::string, std::less<>> seen_;
};

bool all_of(const std::vector<std::string>& texts, bool (*is)(std::string_view)) {
  return std::all_of(texts.begin(), texts.end(), [&](const std::string& text) { return is(text); });
}
bool empty_or(const std::string& text, bool (*is)(std::string_view)) { return text.empty() || is(text); }
bool is_absolute(std::string_view text) { return parse_absolute_path(text).has_value(); }

Result<RecipeArchive> archive_from(const JsonReader& json) {
  Reader in(json);
  RecipeArchive archive;
  TRY(in.text("name", archive.name));
  TRY(in.text("url", archive.url));
  TRY(in.text("suite", archive.suite));
  TRY(in.texts("components", archive.components));
  TRY(in.base64("keyring", archive.keyring));
  TRY(in.must(is_archive_name(archive.name), "name", "is not the name of an archive"));
  TRY(in.must(empty_or(archive.suite, is_suite_name), "suite", "is not the name of a suite"));
  TRY(in.must(all_of(archive.components, is_archive_name), "components", "has one that is not the name of one"));
  TRY(in.nothing_else());
  return archive;
}

Result<RecipeWishes> wishes_from(const JsonReader& json) {
  Reader in(json);
  RecipeWishes wishes;
  TRY(in.text("recipe", wishes.recipe));
  TRY(in.texts("packages", wishes.packages));
  TRY(in.texts("groups", wishes.groups));
  TRY(in.must(all_of(wishes.packages, is_package_wish), "packages", "has one that is not a package"));
  TRY(in.must(all_of(wishes.groups, is_package_group), "groups", "has one that is not a group"));
  TRY(in.nothing_else());
  return wishes;
}

Result<RecipePin> pin_from(const JsonReader& json) {
  Reader in(json);
  RecipePin pin;
  TRY(in.text("package", pin.package));
  TRY(in.text("version", pin.version));
  TRY(in.must(is_package_name(pin.package), "package", "is not the name of a package"));
  TRY(in.must(is_version_pattern(pin.version), "version", "is not a version"));
  TRY(in.nothing_else());
  return pin;
}

Result<RecipeFile> file_from(const JsonReader& json) {
  Reader in(json);
  RecipeFile file;
  std::string mode;
  TRY(in.text("path", file.path));
  file.content = TRY(in.bytes());
  TRY(in.text("target", file.target));
  TRY(in.flag("directory", file.directory));
  TRY(in.text("mode", mode));
  TRY(in.text("owner", file.owner));
  TRY(in.text("group", file.group));
  TRY(in.must(is_absolute(file.path), "path", "is not an absolute path in shortest form"));
  TRY(in.must(int{file.content.has_value()} + int{!file.target.empty()} + int{file.directory} == 1, "path",
              "is not exactly one of file, symbolic link and directory"));
  if (!mode.empty()) file.mode = parse_mode(mode);
  TRY(in.must(mode.empty() || (file.mode && format_mode(*file.mode) == mode), "mode", "is not four octal digits"));
  TRY(in.must(empty_or(file.owner, is_account_name), "owner", "is not the name of a user"));
  TRY(in.must(empty_or(file.group, is_account_name), "group", "is not the name of a group"));
  TRY(in.nothing_else());
  return file;
}

bool is_line(std::string_view text) { return is_text(text) && text.find_first_of("\n\r") == std::string_view::npos; }
bool is_account_field(std::string_view text) { return is_line(text) && text.find(':') == std::string_view::npos; }

Result<RecipeUser> user_from(const JsonReader& json) {
  Reader in(json);
  RecipeUser user;
  TRY(in.text("name", user.name));
  TRY(in.number("uid", user.uid));
  TRY(in.number("gid", user.gid));
  TRY(in.text("group", user.group));
  TRY(in.texts("groups", user.groups));
  TRY(in.text("home", user.home));
  TRY(in.text("shell", user.shell));
  TRY(in.text("comment", user.comment));
  TRY(in.text("password_hash", user.password_hash));
  TRY(in.texts("ssh_keys", user.ssh_keys));
  TRY(in.flag("system", user.system));
  TRY(in.must(is_account_name(user.name), "name", "is not the name of a user"));
  TRY(in.must(empty_or(user.group, is_account_name), "group", "is not the name of a group"));
  TRY(in.must(all_of(user.groups, is_account_name), "groups", "has one that is not the name of a group"));
  TRY(in.must(empty_or(user.home, is_absolute), "home", "is not an absolute path in shortest form"));
  TRY(in.must(empty_or(user.shell, is_absolute), "shell", "is not an absolute path in shortest form"));
  TRY(in.must(is_account_field(user.home), "home", "has a colon or a line break"));
  TRY(in.must(is_account_field(user.shell), "shell", "has a colon or a line break"));
  TRY(in.must(is_account_field(user.comment), "comment", "has a colon or a line break"));
  TRY(in.must(is_account_field(user.password_hash), "password_hash", "has a colon or a line break"));
  TRY(in.must(all_of(user.ssh_keys, is_line), "ssh_keys", "has one of several lines"));
  TRY(in.nothing_else());
  return user;
}

Result<RecipeGroup> group_from(const JsonReader& json) {
  Reader in(json);
  RecipeGroup group;
  TRY(in.text("name", group.name));
  TRY(in.number("gid", group.gid));
  TRY(in.must(is_account_name(group.name), "name", "is not the name of a group"));
  TRY(in.nothing_else());
  return group;
}

Result<RecipeHook> hook_from(const JsonReader& json) {
  Reader in(json);
  RecipeHook hook;
  TRY(in.text("name", hook.name));
  const std::optional<Bytes> script = TRY(in.bytes());
  TRY(in.must(script.has_value(), "text", "is missing"));
  hook.script = *script;
  TRY(in.nothing_else());
  return hook;
}

Result<RecipeTest> test_from(const JsonReader& json) {
  Reader in(json);
  RecipeTest test;
  std::optional<uint32_t> timeout;
  TRY(in.text("name", test.name));
  TRY(in.text("command", test.command));
  TRY(in.number("timeout_seconds", timeout));
  TRY(in.must(timeout.has_value() && *timeout > 0, "timeout_seconds", "is not a number of seconds"));
  test.timeout_seconds = *timeout;
  TRY(in.must(!test.command.empty(), "command", "is empty"));
  TRY(in.nothing_else());
  return test;
}

template <class Item>
void sort_unique(std::vector<Item>& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}
}  // namespace

JsonValue::Object recipe_to_json(const Recipe& recipe) {
  Object out;
  put(out, "name", recipe.name);
  put(out, "description", recipe.description);
  put(out, "suite", recipe.suite);
  put(out, "architecture", recipe.architecture);
  put(out, "recommends", recipe.recommends);
  put_each(out, "archives", recipe.archives);
  put_each(out, "wishes", recipe.wishes);
  put(out, "exclude", recipe.exclude);
  put_each(out, "pins", recipe.pins);
  put_each(out, "files", recipe.files);
  put_each(out, "users", recipe.users);
  put_each(out, "groups", recipe.groups);
  put_each(out, "hooks", recipe.hooks);
  put_each(out, "tests", recipe.tests);
  put(out, "locale", recipe.locale);
  put(out, "timezone", recipe.timezone);
  put(out, "hostname", recipe.hostname);
  put(out, "boot", recipe.boot);
  put(out, "debconf", recipe.debconf);
  return out;
}

Result<Recipe> recipe_from_json(const JsonValue& json) {
  const JsonReader members = TRY(JsonReader::of(json, "recipe"));
  Reader in(members);
  Recipe recipe;
  TRY(in.text("name", recipe.name));
  TRY(in.text("description", recipe.description));
  TRY(in.text("suite", recipe.suite));
  TRY(in.text("architecture", recipe.architecture));
  TRY(in.flag("recommends", recipe.recommends));
  TRY(in.each("archives", recipe.archives, archive_from));
  TRY(in.each("wishes", recipe.wishes, wishes_from));
  TRY(in.texts("exclude", recipe.exclude));
  TRY(in.each("pins", recipe.pins, pin_from));
  TRY(in.each("files", recipe.files, file_from));
  TRY(in.each("users", recipe.users, user_from));
  TRY(in.each("groups", recipe.groups, group_from));
  TRY(in.each("hooks", recipe.hooks, hook_from));
  TRY(in.each("tests", recipe.tests, test_from));
  TRY(in.text("locale", recipe.locale));
  TRY(in.text("timezone", recipe.timezone));
  TRY(in.text("hostname", recipe.hostname));
  TRY(in.map("boot", recipe.boot));
  TRY(in.map("debconf", recipe.debconf));
  TRY(in.must(empty_or(recipe.suite, is_suite_name), "suite", "is not the name of a suite"));
  TRY(in.must(empty_or(recipe.architecture, is_architecture), "architecture", "is not one"));
  TRY(in.must(all_of(recipe.exclude, is_package_name), "exclude", "has one that is not the name of a package"));
  TRY(in.must(empty_or(recipe.locale, is_locale), "locale", "is not a locale"));
  TRY(in.must(empty_or(recipe.timezone, is_timezone), "timezone", "is not a time zone"));
  TRY(in.must(empty_or(recipe.hostname, is_host_name), "hostname", "is not a host name"));
  TRY(in.nothing_else());
  return recipe;
}

Bytes canonical_recipe(const Recipe& recipe) {
  Recipe plain = recipe;
  plain.name.clear();
  plain.description.clear();
  for (RecipeWishes& wishes : plain.wishes) {
    wishes.recipe.clear();
    sort_unique(wishes.packages);
    sort_unique(wishes.groups);
  }
  for (RecipeHook& hook : plain.hooks) hook.name.clear();
  for (RecipeTest& test : plain.tests) test.name.clear();
  sort_unique(plain.exclude);
  std::sort(plain.pins.begin(), plain.pins.end(),
            [](const RecipePin& a, const RecipePin& b) { return a.package < b.package; });
  std::sort(plain.files.begin(), plain.files.end(),
            [](const RecipeFile& a, const RecipeFile& b) { return a.path < b.path; });
  return JsonValue(recipe_to_json(plain)).canonical();
}

Digest recipe_digest(const Recipe& recipe) { return Digest::of(canonical_recipe(recipe)); }

}  // namespace granary
