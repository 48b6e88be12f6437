#include "builder/cook/layer_key.h"

#include <algorithm>
#include <map>
#include <set>

namespace granary {

namespace {
constexpr std::string_view kKind = "cook-layer";
constexpr size_t kMaxDocumentBytes = size_t{64} << 20;

// ---- making the document

// Two different things never have the same parts: every string carries its length.
class Parts {
 public:
  Parts& add(ByteView text) {
    writer_.string(text);
    return *this;
  }
  Parts& add(const std::string& text) { return add(ByteView(text)); }
  template <class T>
  Parts& add(const std::optional<T>& value) {
    writer_.u8(value.has_value());
    if (value) add(*value);
    return *this;
  }
  Parts& add(std::unsigned_integral auto value) {
    writer_.u64(value);
    return *this;
  }
  Parts& add(const std::vector<std::string>& texts) {
    writer_.u64(texts.size());
    for (const std::string& text : texts) add(text);
    return *this;
  }
  std::string digest() { return Digest::of(writer_.view()).hex(); }

 private:
  ByteWriter writer_;
};

std::string account_text(const LockedAccount& account) {
  if (account.is_group) return str("group ", account.id);
  return printable(
      str("user ", account.id, " ", account.gid, " ", account.home, " ", account.shell, " ", account.comment));
}

JsonValue::Object recipe_part(const Recipe& recipe) {
  JsonValue::Object part{{"locale", printable(recipe.locale)},
                         {"timezone", printable(recipe.timezone)},
                         {"hostname", printable(recipe.hostname)}};
  Parts order;
  const auto put = [&](const std::string& what, Parts parts) {
    order.add(what);
    part.emplace(printable(what), parts.digest());
  };
  for (const RecipeFile& file : recipe.files) {
    put("file " + file.path, Parts()
                                 .add(file.content)
                                 .add(file.target)
                                 .add(uint8_t{file.directory})
                                 .add(file.mode)
                                 .add(file.owner)
                                 .add(file.group));
  }
  for (const RecipeGroup& group : recipe.groups) put("group " + group.name, Parts().add(group.gid));
  for (const RecipeUser& user : recipe.users) {
    put("user " + user.name, Parts()
                                 .add(user.uid)
                                 .add(user.gid)
                                 .add(user.group)
                                 .add(user.groups)
                                 .add(user.home)
                                 .add(user.shell)
                                 .add(user.comment)
                                 .add(user.password_hash)
                                 .add(user.ssh_keys)
                                 .add(uint8_t{user.system}));
  }
  for (const RecipeHook& hook : recipe.hooks) put("hook " + hook.name, Parts().add(hook.script));
  part.emplace("order", order.digest());
  return part;
}

LayerInputs begin(const Lock& lock, InstallMode mode, const std::string& name, const std::optional<LayerKey>& lower) {
  LayerInputs inputs{name, new_document(kKind)};
  inputs.document.emplace("cook", kCookFormat);
  inputs.document.emplace("mode", mode == InstallMode::kReference ? "reference" : "fast");
  inputs.document.emplace("name", printable(name));
  if (lower) inputs.document.emplace("lower", lower->hex());
  inputs.document.emplace("architecture", lock.architecture);
  inputs.document.emplace("source_date_epoch", lock.source_date_epoch);
  return inputs;
}

LayerInputs package_layer(const Lock& lock, InstallMode mode, uint32_t layer, const std::optional<LayerKey>& lower) {
  LayerInputs inputs = begin(lock, mode, lock.layers[layer], lower);
  JsonValue::Array packages;
  std::set<std::string> names;
  for (const uint32_t number : packages_of_layer(lock, layer)) {
    const LockedPackage& package = lock.packages[number];
    packages.emplace_back(str(package.name, " ", package.version, " ", package.architecture, " ", package.digest));
    names.insert(package.name);
  }
  inputs.document.emplace("packages", std::move(packages));
  JsonValue::Object accounts;
  for (const LockedAccount& account : lock.accounts) {
    if (names.contains(account.package))
      accounts.emplace((account.is_group ? "group " : "user ") + account.name, account_text(account));
  }
  inputs.document.emplace("accounts", std::move(accounts));
  JsonValue::Object debconf;
  for (const auto& [question, answer] : lock.recipe.debconf) debconf.emplace(printable(question), printable(answer));
  inputs.document.emplace("debconf", std::move(debconf));
  return inputs;
}

// ---- comparing two

struct Package {
  std::string version, rest;
};
std::map<std::string, Package> packages_in(const LayerInputs& inputs) {
  std::map<std::string, Package> packages;
  const auto found = inputs.document.find("packages");
  if (found == inputs.document.end() || found->second.array() == nullptr) return packages;
  for (const JsonValue& item : *found->second.array()) {
    if (item.text() == nullptr) continue;
    const std::string& text = *item.text();
    const size_t name_end = text.find(' ');
    const size_t version_end = text.find(' ', name_end + 1);
    if (name_end == std::string::npos || version_end == std::string::npos) continue;
    packages[text.substr(0, name_end)] = {text.substr(name_end + 1, version_end - name_end - 1),
                                          text.substr(version_end + 1)};
  }
  return packages;
}

void compare_packages(const LayerInputs& before, const LayerInputs& after, std::vector<std::string>& out) {
  const auto old_ones = packages_in(before), new_ones = packages_in(after);
  const size_t said = out.size();
  for (const auto& [name, package] : new_ones) {
    const auto old = old_ones.find(name);
    if (old == old_ones.end()) {
      out.push_back(str("package ", name, " ", package.version, " added"));
    } else if (old->second.version != package.version) {
      out.push_back(str(name, " ", old->second.version, " → ", package.version));
    } else if (old->second.rest != package.rest) {
      out.push_back(str(name, " ", package.version, " is another file than before"));
    }
  }
  for (const auto& [name, package] : old_ones) {
    if (!new_ones.contains(name)) out.push_back(str("package ", name, " ", package.version, " removed"));
  }
  const auto sequence = [](const LayerInputs& inputs) {
    const auto found = inputs.document.find("packages");
    return found == inputs.document.end() ? JsonValue() : found->second;
  };
  if (out.size() == said && sequence(before) != sequence(after)) out.emplace_back("the order of the packages changed");
}

const JsonValue::Object& object_in(const LayerInputs& inputs, const char* name) {
  static const JsonValue::Object kNothing;
  const auto found = inputs.document.find(name);
  return found == inputs.document.end() || found->second.object() == nullptr ? kNothing : *found->second.object();
}

// Members of an object one by one: "hook setup changed".
void compare_members(const LayerInputs& before, const LayerInputs& after, const char* member, const std::string& prefix,
                     std::vector<std::string>& out) {
  const auto &old_ones = object_in(before, member), &new_ones = object_in(after, member);
  const size_t said = out.size();
  for (const auto& [name, value] : new_ones) {
    if (name == "order") continue;
    const auto old = old_ones.find(name);
    if (old == old_ones.end()) {
      out.push_back(prefix + name + " added");
    } else if (old->second != value) {
      out.push_back(prefix + name + " changed");
    }
  }
  for (const auto& [name, value] : old_ones) {
    if (!new_ones.contains(name)) out.push_back(prefix + name + " removed");
  }
  if (out.size() == said && old_ones != new_ones) out.push_back("the order of the recipe's own parts changed");
}

std::string value_text(const LayerInputs& inputs, const char* name) {
  const auto found = inputs.document.find(name);
  if (found == inputs.document.end()) return "none";
  if (const std::string* text = found->second.text()) return *text;
  return found->second.canonical();
}

void compare_value(const LayerInputs& before, const LayerInputs& after, const char* name, const std::string& words,
                   std::vector<std::string>& out) {
  const std::string old = value_text(before, name), now = value_text(after, name);
  if (old != now) out.push_back(str(words, " ", old, " → ", now));
}

void compare_time(const LayerInputs& before, const LayerInputs& after, std::vector<std::string>& out) {
  const auto time_in = [](const LayerInputs& inputs) -> UnixSeconds {
    const auto found = inputs.document.find("source_date_epoch");
    const uint64_t* seconds = found == inputs.document.end() ? nullptr : found->second.integer();
    return seconds == nullptr ? 0 : static_cast<UnixSeconds>(*seconds);
  };
  if (time_in(before) == time_in(after)) return;
  out.push_back(str("the archive's newest date moved from ", format_utc(time_in(before)), " to ",
                    format_utc(time_in(after)), ", to which times are set back"));
}
}  // namespace

Bytes LayerInputs::text() const { return JsonValue(document).canonical(); }
LayerKey LayerInputs::key() const { return Digest::of(text()); }

Result<LayerInputs> LayerInputs::parse(ByteView text) {
  const JsonValue value = TRY(parse_document(text, kMaxDocumentBytes, kKind, {}));
  LayerInputs inputs;
  inputs.document = *value.object();
  inputs.name = TRY(JsonReader(inputs.document, "layer").text("name"));
  return inputs;
}

std::vector<uint32_t> packages_of_layer(const Lock& lock, uint32_t layer) {
  std::vector<uint32_t> numbers;
  for (uint32_t i = 0; i < lock.packages.size(); ++i) {
    if (lock.packages[i].layer == layer) numbers.push_back(i);
  }
  return numbers;
}

std::vector<LayerInputs> layers_of(const Lock& lock, InstallMode mode) {
  std::vector<LayerInputs> layers;
  std::optional<LayerKey> lower;
  for (uint32_t layer = 0; layer < lock.layers.size(); ++layer) {
    layers.push_back(package_layer(lock, mode, layer, lower));
    lower = layers.back().key();
  }
  layers.push_back(begin(lock, mode, "own", lower));
  layers.back().document.emplace("recipe", recipe_part(lock.recipe));
  return layers;
}

std::vector<std::string> differences(const LayerInputs& before, const LayerInputs& after) {
  std::vector<std::string> out;
  compare_value(before, after, "cook", "granary makes layers another way: format", out);
  compare_value(before, after, "mode", "mode", out);
  compare_value(before, after, "architecture", "architecture", out);
  compare_packages(before, after, out);
  compare_members(before, after, "accounts", "account of ", out);
  compare_members(before, after, "debconf", "debconf answer ", out);
  compare_members(before, after, "recipe", "", out);
  compare_time(before, after, out);
  if (value_text(before, "lower") != value_text(after, "lower")) out.emplace_back("the layer below changed");
  return out;
}

const LayerInputs* nearest(const LayerInputs& wanted, const std::vector<LayerInputs>& known) {
  const auto ours = packages_in(wanted);
  const LayerInputs* best = nullptr;
  size_t best_score = 0;
  for (const LayerInputs& other : known) {
    if (other.name != wanted.name) continue;
    size_t score = 1;
    for (const auto& [name, package] : packages_in(other)) score += ours.contains(name) ? 2 : 0;
    for (const auto& [name, value] : object_in(other, "recipe")) {
      const auto& own = object_in(wanted, "recipe");
      const auto found = own.find(name);
      score += found == own.end() ? 0 : (found->second == value ? 2 : 1);
    }
    if (value_text(wanted, "lower") == value_text(other, "lower")) ++score;
    if (best != nullptr && score <= best_score) continue;
    best = &other;
    best_score = score;
  }
  return best;
}

}  // namespace granary
