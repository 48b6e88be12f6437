#include "builder/recipe/recipe_file.h"

#include <algorithm>
#include <filesystem>
#include <functional>

#include "builder/recipe/names.h"
#include "fs/base/nearest.h"
#include "fs/base/time.h"
#include "fs/format/paths.h"

namespace granary {

namespace {
using Table = TomlValue::Table;
using Is = bool (*)(std::string_view);

bool is_absolute(std::string_view text) { return parse_absolute_path(text).has_value() && text != "/"; }
bool is_target(std::string_view text) { return !text.empty() && text.size() < 4096 && is_text(text); }
bool is_line(std::string_view text) { return is_text(text) && text.find_first_of("\n\r") == std::string_view::npos; }
bool is_field(std::string_view text) { return is_line(text) && text.find(':') == std::string_view::npos; }
bool is_script(std::string_view text) { return !text.empty() && is_text(text); }
bool is_recipe_name(std::string_view text) { return is_archive_name(text) && text.find('/') == std::string_view::npos; }
bool is_url(std::string_view text) {
  const bool known = text.starts_with("http://") || text.starts_with("https://") || text.starts_with("file:///");
  return known && is_line(text) && text.find(' ') == std::string_view::npos;
}
bool is_suite_pattern(std::string_view text) {
  const size_t at = text.find("{suite}");
  if (at == std::string_view::npos) return is_suite_name(text);
  return is_suite_name(std::string(text.substr(0, at)) + "x" + std::string(text.substr(at + 7)));
}

// How a value that fails its test is described.
constexpr const char* kPackage = "the name of a package";
constexpr const char* kAccount = "the name of an account: a-z, 0-9, _ and -, at most 32";
constexpr const char* kAbsolute = "an absolute path in shortest form, such as \"/etc/motd\"";
constexpr const char* kField = "a line without colons";

class FileReader {
 public:
  FileReader(const std::string& file, Beside& beside, Recipe& recipe, std::vector<RecipeProblem>& problems)
      : file_(file), beside_(beside), recipe_(recipe), problems_(problems) {}

  void read(const Table& table, RecipeFileKind kind);

 private:
  struct Field {
    const char* key;
    std::function<void(const TomlMember&)> take;
  };

  void problem(const TomlPlace& place, std::string text) { problems_.push_back({file_, place, std::move(text)}); }
  void wrong(const TomlMember& member, const std::string& why) {
    problem(member.value.place, str("\"", member.key, "\"", why.starts_with(':') ? "" : " ", why));
  }

  // Hands each member to its field; what no field takes is a problem.
  void members(const Table& table, const std::string& what, const std::vector<Field>& fields);
  // Calls `read` with each table of a list of tables.
  void tables(const TomlMember& member, const std::function<void(const TomlValue&, const Table&)>& read);

  std::optional<std::string> text(const TomlMember& member, Is is, const std::string& what);
  std::optional<bool> flag(const TomlMember& member);
  std::optional<uint32_t> number(const TomlMember& member, int64_t lowest);
  std::vector<std::string> texts(const TomlMember& member, Is is, const std::string& what);
  std::map<std::string, std::string> text_table(const TomlMember& member);

  Field to(const char* key, std::string& where, Is is, const std::string& what);
  Field to(const char* key, std::vector<std::string>& where, Is is, const std::string& what);
  Field to(const char* key, bool& where);
  Field to_number(const char* key, std::optional<uint32_t>& where);
  bool has(const TomlValue& item, const std::string& value, const char* key);

  void read_archive(const TomlValue& item, const Table& table);
  void read_file(const TomlValue& item, const Table& table);
  void read_overlay(const TomlValue& item, const Table& table);
  void read_user(const TomlValue& item, const Table& table);
  void read_group(const TomlValue& item, const Table& table);
  void read_hook(const TomlValue& item, const Table& table);
  void read_test(const TomlValue& item, const Table& table);
  void read_pins(const TomlMember& member);
  void read_boot(const TomlMember& member);
  void read_debconf(const TomlMember& member);
  std::optional<Beside::File> beside(const TomlMember& member);
  std::optional<Bytes> base64(const TomlMember& member);
  void add_file(RecipeFile file);
  void wish(RecipeFileKind kind);

  const std::string& file_;
  Beside& beside_;
  Recipe& recipe_;
  std::vector<RecipeProblem>& problems_;

  RecipeWishes wishes_;
  std::vector<std::string> exclude_;
  TomlPlace exclude_place_;
};

// Replaces what `same` says is the namesake, else appends.
template <class Item, class Same>
void replace_or_add(std::vector<Item>& items, Item item, const Same& same) {
  const auto found = std::find_if(items.begin(), items.end(), [&](const Item& other) { return same(other, item); });
  if (found != items.end()) {
    *found = std::move(item);
  } else {
    items.push_back(std::move(item));
  }
}

template <class Item>
void replace_or_add_named(std::vector<Item>& items, Item item) {
  replace_or_add(items, std::move(item), [](const Item& a, const Item& b) { return a.name == b.name; });
}

void append_new(std::vector<std::string>& to, const std::vector<std::string>& items) {
  for (const std::string& item : items)
    if (std::find(to.begin(), to.end(), item) == to.end()) to.push_back(item);
}

void FileReader::members(const Table& table, const std::string& what, const std::vector<Field>& fields) {
  for (const TomlMember& member : table) {
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&](const Field& known) { return member.key == known.key; });
    if (field != fields.end()) {
      field->take(member);
      continue;
    }
    std::vector<std::string> keys;
    for (const Field& known : fields) keys.emplace_back(known.key);
    const std::string nearest = nearest_word(member.key, keys);
    std::string hint;
    if (!nearest.empty()) {
      hint = ": did you mean \"" + nearest + "\"?";
    } else {
      std::sort(keys.begin(), keys.end());
      for (const std::string& key : keys) hint += (hint.empty() ? "; known are " : ", ") + key;
    }
    problem(member.place, str("unknown key \"", printable(member.key.substr(0, 80)), "\"", what, hint));
  }
}

void FileReader::tables(const TomlMember& member, const std::function<void(const TomlValue&, const Table&)>& read) {
  const TomlValue::List* list = member.value.list();
  if (list == nullptr)
    return wrong(member, str("is ", member.value.type(), ", not a list of tables: write [[", member.key, "]]"));
  for (const TomlValue& item : *list) {
    if (item.table() == nullptr) {
      problem(item.place, str("\"", member.key, "\" holds ", item.type(), ", not a table: write [[", member.key, "]]"));
    } else {
      read(item, *item.table());
    }
  }
}

std::optional<std::string> FileReader::text(const TomlMember& member, Is is, const std::string& what) {
  const std::string* text = member.value.text();
  if (text == nullptr) {
    wrong(member, str("is ", member.value.type(), ", not a string"));
  } else if (!is(*text)) {
    wrong(member, str("is \"", printable(text->substr(0, 80)), "\", not ", what));
  } else {
    return *text;
  }
  return std::nullopt;
}

std::optional<bool> FileReader::flag(const TomlMember& member) {
  if (const bool* value = member.value.flag()) return *value;
  wrong(member, str("is ", member.value.type(), ", not true or false"));
  return std::nullopt;
}

std::optional<uint32_t> FileReader::number(const TomlMember& member, int64_t lowest) {
  const int64_t* value = member.value.integer();
  if (value == nullptr) {
    wrong(member, str("is ", member.value.type(), ", not a number"));
  } else if (*value < lowest || *value >= int64_t{UINT32_MAX}) {
    wrong(member, str("is ", *value, ", which is out of range"));
  } else {
    return static_cast<uint32_t>(*value);
  }
  return std::nullopt;
}

std::vector<std::string> FileReader::texts(const TomlMember& member, Is is, const std::string& what) {
  std::vector<std::string> out;
  const TomlValue::List* list = member.value.list();
  if (list == nullptr) {
    wrong(member, str("is ", member.value.type(), ", not a list of strings"));
    return out;
  }
  for (const TomlValue& item : *list) {
    if (item.text() == nullptr) {
      problem(item.place, str("\"", member.key, "\" holds ", item.type(), ", not a string"));
    } else if (!is(*item.text())) {
      problem(item.place,
              str("\"", member.key, "\" holds \"", printable(item.text()->substr(0, 80)), "\", not ", what));
    } else {
      out.push_back(*item.text());
    }
  }
  return out;
}

std::map<std::string, std::string> FileReader::text_table(const TomlMember& member) {
  std::map<std::string, std::string> out;
  const Table* table = member.value.table();
  if (table == nullptr) {
    wrong(member, str("is ", member.value.type(), ", not a table: write [", member.key, "]"));
    return out;
  }
  for (const TomlMember& item : *table)
    if (const auto value = text(item, is_line, "one line")) out[item.key] = *value;
  return out;
}

FileReader::Field FileReader::to(const char* key, std::string& where, Is is, const std::string& what) {
  return {key, [this, &where, is, what](const TomlMember& member) {
            if (auto value = text(member, is, what)) where = *value;
          }};
}
FileReader::Field FileReader::to(const char* key, std::vector<std::string>& where, Is is, const std::string& what) {
  return {key, [this, &where, is, what](const TomlMember& member) { append_new(where, texts(member, is, what)); }};
}
FileReader::Field FileReader::to(const char* key, bool& where) {
  return {key, [this, &where](const TomlMember& member) { where = flag(member).value_or(where); }};
}
FileReader::Field FileReader::to_number(const char* key, std::optional<uint32_t>& where) {
  return {key, [this, &where](const TomlMember& member) { where = number(member, 0); }};
}

bool FileReader::has(const TomlValue& item, const std::string& value, const char* key) {
  if (!value.empty()) return true;
  // A value that was there and wrong has been named already.
  const auto& table = *item.table();
  if (std::none_of(table.begin(), table.end(), [&](const TomlMember& member) { return member.key == key; }))
    problem(item.place, str("\"", key, "\" is missing"));
  return false;
}

std::optional<Beside::File> FileReader::beside(const TomlMember& member) {
  const auto path = text(member, is_path_below, "a path below the recipe's folder, without ..");
  if (!path) return std::nullopt;
  Result<Beside::File> found = beside_.file(*path);
  if (found) return std::move(*found);
  wrong(member, ": " + found.error().message);
  return std::nullopt;
}

std::optional<Bytes> FileReader::base64(const TomlMember& member) {
  const std::string* text = member.value.text();
  const Result<Bytes> bytes = from_base64(text != nullptr ? *text : "?");
  if (bytes) return *bytes;
  wrong(member, "is not base64");
  return std::nullopt;
}

void FileReader::add_file(RecipeFile file) {
  replace_or_add(recipe_.files, std::move(file),
                 [](const RecipeFile& a, const RecipeFile& b) { return a.path == b.path; });
}

void FileReader::read_archive(const TomlValue& item, const Table& table) {
  RecipeArchive archive;
  members(table, " of an archive",
          {to("name", archive.name, is_archive_name, "the name of an archive, such as \"debian\""),
           to("url", archive.url, is_url, "an http, https or file URL"),
           to("suite", archive.suite, is_suite_pattern, "the name of a suite"),
           to("components", archive.components, is_archive_name, "the name of a component, such as \"main\""),
           {"keyring_base64", [&](const TomlMember& member) { archive.keyring = base64(member).value_or(""); }},
           {"keyring", [&](const TomlMember& member) {
              if (auto keyring = beside(member)) archive.keyring = std::move(keyring->content);
            }}});
  if (!has(item, archive.name, "name")) return;
  if (archive.suite.empty()) archive.suite = "{suite}";
  replace_or_add(recipe_.archives, std::move(archive),
                 [](const RecipeArchive& a, const RecipeArchive& b) { return a.name == b.name && a.suite == b.suite; });
}

void FileReader::read_file(const TomlValue& item, const Table& table) {
  RecipeFile file;
  std::optional<uint16_t> source_mode;
  int kinds = 0;
  members(table, " of a file",
          {to("path", file.path, is_absolute, kAbsolute),
           {"content",
            [&](const TomlMember& member) {
              ++kinds;
              if (const std::string* content = member.value.text()) {
                file.content = *content;
              } else {
                wrong(member, str("is ", member.value.type(), ", not a string"));
              }
            }},
           {"content_base64",
            [&](const TomlMember& member) {
              ++kinds;
              file.content = base64(member);
            }},
           {"source",
            [&](const TomlMember& member) {
              ++kinds;
              if (auto source = beside(member)) {
                file.content = std::move(source->content);
                source_mode = source->mode;
              }
            }},
           {"symlink",
            [&](const TomlMember& member) {
              ++kinds;
              file.target = text(member, is_target, "the target of a symbolic link").value_or("");
            }},
           {"directory",
            [&](const TomlMember& member) {
              file.directory = flag(member).value_or(false);
              kinds += file.directory ? 1 : 0;
            }},
           {"mode",
            [&](const TomlMember& member) {
              if (const std::string* mode = member.value.text()) file.mode = parse_mode(*mode);
              if (!file.mode) wrong(member, "must be octal digits in quotes, such as \"0644\"");
            }},
           to("owner", file.owner, is_account_name, kAccount),
           to("group", file.group, is_account_name, kAccount)});
  if (!has(item, file.path, "path")) return;
  if (kinds != 1)
    return problem(item.place, str("file ", printable(file.path),
                                   " needs exactly one of \"content\", \"source\", \"symlink\" and \"directory\""));
  if (!file.mode) file.mode = source_mode;
  if (file.content || !file.target.empty() || file.directory) add_file(std::move(file));
}

void FileReader::read_overlay(const TomlValue& item, const Table& table) {
  std::string source;
  std::string path = "/";
  std::string owner;
  std::string group;
  TomlPlace place = item.place;
  members(table, " of an overlay",
          {{"source",
            [&](const TomlMember& member) {
              place = member.value.place;
              source = text(member, is_path_below, "a path below the recipe's folder, without ..").value_or("");
            }},
           {"path",
            [&](const TomlMember& member) {
              path = text(
                         member, [](std::string_view at) { return at == "/" || is_absolute(at); }, kAbsolute)
                         .value_or("/");
            }},
           to("owner", owner, is_account_name, kAccount),
           to("group", group, is_account_name, kAccount)});
  if (!has(item, source, "source")) return;
  Result<std::vector<RecipeFile>> files = beside_.directory(source, path);
  if (!files) return problem(place, "\"source\": " + files.error().message);
  for (RecipeFile& file : *files) {
    file.owner = owner;
    file.group = group;
    add_file(std::move(file));
  }
}

void FileReader::read_user(const TomlValue& item, const Table& table) {
  RecipeUser user;
  members(table, " of a user",
          {to("name", user.name, is_account_name, kAccount), to_number("uid", user.uid), to_number("gid", user.gid),
           to("group", user.group, is_account_name, kAccount), to("groups", user.groups, is_account_name, kAccount),
           to("home", user.home, is_absolute, kAbsolute), to("shell", user.shell, is_absolute, kAbsolute),
           to("comment", user.comment, is_field, kField),
           to("password_hash", user.password_hash, is_field, "a hash as in /etc/shadow: see `openssl passwd -6`"),
           to("ssh_keys", user.ssh_keys, is_line, "one line"), to("system", user.system)});
  if (user.home.find(':') != std::string::npos || user.shell.find(':') != std::string::npos)
    return problem(item.place, "a home or shell with a colon cannot stand in /etc/passwd");
  if (has(item, user.name, "name")) replace_or_add_named(recipe_.users, std::move(user));
}

void FileReader::read_group(const TomlValue& item, const Table& table) {
  RecipeGroup group;
  members(table, " of a group", {to("name", group.name, is_account_name, kAccount), to_number("gid", group.gid)});
  if (has(item, group.name, "name")) replace_or_add_named(recipe_.groups, std::move(group));
}

void FileReader::read_hook(const TomlValue& item, const Table& table) {
  RecipeHook hook;
  int kinds = 0;
  std::string from;
  members(table, " of a hook",
          {to("name", hook.name, is_line, "one line"),
           {"script",
            [&](const TomlMember& member) {
              ++kinds;
              hook.script = text(member, is_script, "a script").value_or("");
            }},
           {"file", [&](const TomlMember& member) {
              ++kinds;
              if (auto script = beside(member)) {
                hook.script = std::move(script->content);
                from = std::filesystem::path(*member.value.text()).filename().string();
                if (!is_script(hook.script)) wrong(member, "is not a script: empty, or not text");
              }
            }}});
  if (kinds != 1) return problem(item.place, "a hook needs exactly one of \"script\" and \"file\"");
  if (hook.name.empty()) hook.name = from.empty() ? str("hook ", recipe_.hooks.size() + 1) : from;
  if (!hook.script.empty()) recipe_.hooks.push_back(std::move(hook));
}

void FileReader::read_test(const TomlValue& item, const Table& table) {
  RecipeTest test;
  members(table, " of a test",
          {to("name", test.name, is_line, "one line"),
           to("command", test.command, is_script, "a command"),
           {"timeout", [&](const TomlMember& member) {
              const std::string* text = member.value.text();
              const auto duration = text != nullptr ? parse_duration_seconds(*text) : Result<int64_t>(int64_t{0});
              if (text == nullptr) {
                test.timeout_seconds = number(member, 1).value_or(test.timeout_seconds);
              } else if (!duration || *duration > 86400) {
                wrong(member, "is not a time such as 60 or \"5m\", of a day at most");
              } else {
                test.timeout_seconds = static_cast<uint32_t>(*duration);
              }
            }}});
  if (!has(item, test.command, "command")) return;
  if (test.name.empty()) test.name = str("test ", recipe_.tests.size() + 1);
  recipe_.tests.push_back(std::move(test));
}

void FileReader::read_pins(const TomlMember& member) {
  const Table* table = member.value.table();
  if (table == nullptr) return wrong(member, str("is ", member.value.type(), ", not a table: write [pins]"));
  for (const TomlMember& item : *table) {
    if (!is_package_name(item.key)) problem(item.place, str("\"", printable(item.key), "\" is not ", kPackage));
    const auto version = text(item, is_version_pattern, "a version such as \"1.2-3\" or \"1.2*\"");
    if (!version || !is_package_name(item.key)) continue;
    replace_or_add(recipe_.pins, RecipePin{item.key, *version},
                   [](const RecipePin& a, const RecipePin& b) { return a.package == b.package; });
  }
}

void FileReader::read_boot(const TomlMember& member) {
  const Table* table = member.value.table();
  if (table == nullptr) return wrong(member, str("is ", member.value.type(), ", not a table: write [boot]"));
  const auto line = [this](const char* key) -> Field {
    return {key, [this](const TomlMember& item) {
              std::string words;
              if (item.value.list() != nullptr) {
                for (const std::string& word : texts(item, is_line, "one line"))
                  words += (words.empty() ? "" : " ") + word;
              } else if (const auto value = text(item, is_line, "one line")) {
                words = *value;
              }
              recipe_.boot[item.key] = words;
            }};
  };
  members(*table, " of boot", {line("init"), line("kernel"), line("modules"), line("cmdline"), line("console")});
}

void FileReader::read_debconf(const TomlMember& member) {
  static const std::vector<std::string> kTypes{"string",   "boolean", "select", "multiselect",
                                               "password", "text",    "note"};
  for (const auto& [question, answer] : text_table(member)) {
    const size_t space = question.find(' ');
    if (space == std::string::npos || !is_package_name(question.substr(0, space)) || !is_line(question))
      wrong(member, str(": \"", printable(question), "\" is not \"PACKAGE QUESTION\""));
    if (std::find(kTypes.begin(), kTypes.end(), answer.substr(0, answer.find(' '))) == kTypes.end())
      wrong(member, str(": \"", printable(answer), "\" does not start with a type: string, boolean, select …"));
    recipe_.debconf[question] = answer;
  }
}

// What this file wishes for and excludes, against what its ancestors did: the later word counts.
void FileReader::wish(RecipeFileKind kind) {
  for (const std::string& excluded : exclude_) {
    const auto refuses = [&](const std::string& wished) { return package_of_wish(wished) == excluded; };
    if (std::any_of(wishes_.packages.begin(), wishes_.packages.end(), refuses))
      problem(exclude_place_, str("\"", excluded, "\" is both wished for and excluded"));
    for (RecipeWishes& earlier : recipe_.wishes) {
      std::erase_if(earlier.packages, refuses);
      std::erase(earlier.groups, excluded);
    }
    if (is_package_name(excluded)) append_new(recipe_.exclude, {excluded});
  }
  for (const std::string& wished : wishes_.packages) std::erase(recipe_.exclude, package_of_wish(wished));
  std::erase_if(recipe_.wishes,
                [](const RecipeWishes& earlier) { return earlier.packages.empty() && earlier.groups.empty(); });
  if (wishes_.packages.empty() && wishes_.groups.empty()) return;
  wishes_.recipe = recipe_.name;
  const bool joins =
      kind == RecipeFileKind::kDropIn && !recipe_.wishes.empty() && recipe_.wishes.back().recipe == recipe_.name;
  if (!joins) recipe_.wishes.push_back({recipe_.name, {}, {}});
  append_new(recipe_.wishes.back().packages, wishes_.packages);
  append_new(recipe_.wishes.back().groups, wishes_.groups);
}

void FileReader::read(const Table& table, RecipeFileKind kind) {
  std::vector<std::string> tasks;
  const auto each = [this](const char* key, void (FileReader::*read_one)(const TomlValue&, const Table&)) -> Field {
    return {key, [this, read_one](const TomlMember& member) {
              tables(member, [&](const TomlValue& item, const Table& members) { (this->*read_one)(item, members); });
            }};
  };
  std::vector<Field> fields{
      to("description", recipe_.description, is_text, "text"),
      to("suite", recipe_.suite, is_suite_name, "the name of a suite, such as \"bookworm\""),
      {"architecture",
       [&](const TomlMember& member) {
         const std::string* given = member.value.text();
         const std::string nearest = given != nullptr ? nearest_word(*given, architectures()) : "";
         const std::string hint = nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?";
         if (auto name = text(member, is_architecture, "an architecture, such as \"amd64\" or \"arm64\"" + hint))
           recipe_.architecture = *name;
       }},
      to("recommends", recipe_.recommends),
      to("packages", wishes_.packages, is_package_wish, "a package, such as \"bash\" or \"python3 (>= 3.11)\""),
      to("groups", wishes_.groups, is_package_group,
         "a group, such as \"priority:standard\", \"task:ssh-server\" or \"section:science\""),
      to("tasks", tasks, is_package_name, "the name of a task"),
      {"exclude",
       [&](const TomlMember& member) {
         exclude_place_ = member.value.place;
         exclude_ = texts(
             member, [](std::string_view name) { return is_package_name(name) || is_package_group(name); },
             "the name of a package or group");
       }},
      {"pins", [&](const TomlMember& member) { read_pins(member); }},
      each("archive", &FileReader::read_archive),
      each("file", &FileReader::read_file),
      each("overlay", &FileReader::read_overlay),
      each("user", &FileReader::read_user),
      each("group", &FileReader::read_group),
      each("hook", &FileReader::read_hook),
      each("test", &FileReader::read_test),
      to("locale", recipe_.locale, is_locale, "a locale, such as \"C.UTF-8\""),
      to("timezone", recipe_.timezone, is_timezone, "a time zone, such as \"Etc/UTC\""),
      to("hostname", recipe_.hostname, is_host_name, "a host name"),
      {"boot", [&](const TomlMember& member) { read_boot(member); }},
      {"debconf", [&](const TomlMember& member) { read_debconf(member); }},
  };
  const auto only_recipes = [&](const TomlMember& member) {
    if (kind == RecipeFileKind::kDropIn)
      problem(member.place, str("\"", member.key, "\" does not belong into a drop-in: it stands in the recipe"));
  };
  fields.push_back({"name", [&](const TomlMember& member) {
                      only_recipes(member);
                      if (kind == RecipeFileKind::kDropIn) return;
                      recipe_.name = text(member, is_recipe_name, "a name of A-Z a-z 0-9 . _ + -").value_or("recipe");
                    }});
  fields.push_back({"extends", only_recipes});
  members(table, "", fields);
  for (const std::string& task : tasks) append_new(wishes_.groups, {"task:" + task});
  wish(kind);
}

std::string with_suite(std::string pattern, const std::string& suite) {
  if (const size_t at = pattern.find("{suite}"); at != std::string::npos) pattern.replace(at, 7, suite);
  return pattern;
}
}  // namespace

std::string RecipeProblem::describe() const {
  if (place.line == 0) return str(printable(file), ": ", text);
  return str(printable(file), ":", place.line, ":", place.column, ": ", text);
}

void apply_recipe_file(const TomlValue::Table& table, const std::string& file, RecipeFileKind kind, Beside& beside,
                       Recipe& recipe, std::vector<RecipeProblem>& problems) {
  if (kind == RecipeFileKind::kRecipe) {
    recipe.name = std::filesystem::path(file).stem().string();
    recipe.description.clear();
  }
  FileReader(file, beside, recipe, problems).read(table, kind);
}

void complete_recipe(Recipe& recipe, const std::string& file, std::vector<RecipeProblem>& problems) {
  if (!is_recipe_name(recipe.name))
    problems.push_back({file, {}, "the file's name is no name for a recipe: say name = \"…\" in it"});
  if (recipe.suite.empty()) problems.push_back({file, {}, "no suite: say suite = \"bookworm\", or extend a recipe"});
  for (RecipeArchive& archive : recipe.archives) archive.suite = with_suite(archive.suite, recipe.suite);
  std::sort(recipe.files.begin(), recipe.files.end(),
            [](const RecipeFile& a, const RecipeFile& b) { return a.path < b.path; });
}

}  // namespace granary
