#include "builder/recipe/recipe_text.h"

#include "builder/recipe/names.h"

namespace granary {

namespace {
// A basic string (TOML 1.0, "String"); several lines are shown as such.
std::string quoted(ByteView text) {
  const bool several = text.find('\n') != ByteView::npos;
  std::string out = several ? "\"\"\"\n" : "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\r': out += "\\r"; break;
      case '\n':
      case '\t': out += c; break;
      default:
        if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) {
          out += "\\u00" + to_hex({&c, 1});
        } else {
          out += c;
        }
    }
  }
  return out + (several ? "\"\"\"" : "\"");
}

std::string key_of(const std::string& key) {
  const bool bare = key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos;
  return bare && !key.empty() ? key : quoted(key);
}

void line(std::string& out, const std::string& key, const std::string& value) { out += key + " = " + value + "\n"; }
void put(std::string& out, const char* key, const std::string& text) {
  if (!text.empty()) line(out, key, quoted(text));
}
void put(std::string& out, const char* key, bool flag) {
  if (flag) line(out, key, "true");
}
void put(std::string& out, const char* key, std::optional<uint32_t> number) {
  if (number) line(out, key, str(*number));
}
void put(std::string& out, const char* key, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  std::string list = "[";
  for (const std::string& text : texts) list += (list.size() > 1 ? ", " : "") + quoted(text);
  line(out, key, list + "]");
}
void put_bytes(std::string& out, const char* as_text, const char* as_base64, const Bytes& bytes) {
  if (is_text(bytes)) {
    line(out, as_text, quoted(bytes));
  } else {
    line(out, as_base64, quoted(to_base64(bytes)));
  }
}
void put(std::string& out, const char* key, const std::map<std::string, std::string>& texts) {
  if (texts.empty()) return;
  out += str("\n[", key, "]\n");
  for (const auto& [name, value] : texts) line(out, key_of(name), quoted(value));
}

// The wishes of the whole chain, a line each, under the name of who wished.
void put_wishes(std::string& out, const Recipe& recipe, const char* key, std::vector<std::string> RecipeWishes::*list) {
  std::string lines;
  for (const RecipeWishes& wishes : recipe.wishes) {
    if ((wishes.*list).empty()) continue;
    if (wishes.recipe != recipe.name) lines += "  # of " + printable(wishes.recipe) + "\n";
    if (wishes.recipe == recipe.name && !lines.empty()) lines += "  # its own\n";
    for (const std::string& wish : wishes.*list) lines += "  " + quoted(wish) + ",\n";
  }
  if (!lines.empty()) line(out, key, "[\n" + lines + "]");
}

void put(std::string& out, const RecipeArchive& archive) {
  out += "\n[[archive]]\n";
  put(out, "name", archive.name);
  put(out, "url", archive.url);
  put(out, "suite", archive.suite);
  put(out, "components", archive.components);
  if (!archive.keyring.empty()) line(out, "keyring_base64", quoted(to_base64(archive.keyring)));
}

void put(std::string& out, const RecipeFile& file) {
  out += "\n[[file]]\n";
  put(out, "path", file.path);
  if (file.content) put_bytes(out, "content", "content_base64", *file.content);
  put(out, "symlink", file.target);
  put(out, "directory", file.directory);
  if (file.mode) line(out, "mode", quoted(format_mode(*file.mode)));
  put(out, "owner", file.owner);
  put(out, "group", file.group);
}

void put(std::string& out, const RecipeUser& user) {
  out += "\n[[user]]\n";
  put(out, "name", user.name);
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
}
}  // namespace

std::string recipe_to_toml(const Recipe& recipe) {
  std::string out;
  put(out, "name", recipe.name);
  put(out, "description", recipe.description);
  put(out, "suite", recipe.suite);
  put(out, "architecture", recipe.architecture);
  put(out, "recommends", recipe.recommends);
  put_wishes(out, recipe, "groups", &RecipeWishes::groups);
  put_wishes(out, recipe, "packages", &RecipeWishes::packages);
  put(out, "exclude", recipe.exclude);
  put(out, "locale", recipe.locale);
  put(out, "timezone", recipe.timezone);
  put(out, "hostname", recipe.hostname);
  std::map<std::string, std::string> pins;
  for (const RecipePin& pin : recipe.pins) pins[pin.package] = pin.version;
  put(out, "pins", pins);
  for (const RecipeArchive& archive : recipe.archives) put(out, archive);
  for (const RecipeFile& file : recipe.files) put(out, file);
  for (const RecipeGroup& group : recipe.groups) {
    out += "\n[[group]]\n";
    put(out, "name", group.name);
    put(out, "gid", group.gid);
  }
  for (const RecipeUser& user : recipe.users) put(out, user);
  for (const RecipeHook& hook : recipe.hooks) {
    out += "\n[[hook]]\n";
    put(out, "name", hook.name);
    put(out, "script", hook.script);
  }
  for (const RecipeTest& test : recipe.tests) {
    out += "\n[[test]]\n";
    put(out, "name", test.name);
    put(out, "command", test.command);
    put(out, "timeout", std::optional(test.timeout_seconds));
  }
  put(out, "boot", recipe.boot);
  put(out, "debconf", recipe.debconf);
  return out;
}

}  // namespace granary
