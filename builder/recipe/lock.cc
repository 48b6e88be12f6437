#include "builder/recipe/lock.h"

#include <algorithm>
#include <limits>
#include <set>

#include "builder/recipe/names.h"
#include "builder/recipe/recipe_json.h"

namespace granary {

namespace {
constexpr const char* kKind = "lock";
constexpr size_t kMaxBytes = size_t{64} << 20;
constexpr size_t kMaxPackages = 50'000;
constexpr size_t kMaxOthers = 4096;  // releases, indices, layers, accounts

// Members as they are written: in this order.
using Members = std::vector<std::pair<const char*, JsonValue>>;

Bytes one_line(const Members& members) {
  Bytes out = "{";
  for (const auto& [name, value] : members) {
    if (out.size() > 1) out += ", ";
    out += JsonValue(name).canonical() + ": " + value.canonical();
  }
  return out + "}";
}

Members members_of(const LockedRelease& release) {
  Members out{{"archive", release.archive},
              {"suite", release.suite},
              {"codename", release.codename},
              {"date", format_utc(release.date)}};
  if (release.valid_until) out.emplace_back("valid_until", format_utc(*release.valid_until));
  out.emplace_back("inrelease", release.inrelease.hex());
  out.emplace_back("signers", JsonValue::Array(release.signers.begin(), release.signers.end()));
  return out;
}

Members members_of(const LockedIndex& index) {
  return {{"release", index.release}, {"path", index.path}, {"size", index.size_bytes}, {"sha256", index.digest.hex()}};
}

Members members_of(const LockedPackage& package) {
  return {{"name", package.name},   {"version", package.version}, {"architecture", package.architecture},
          {"path", package.path},   {"size", package.size_bytes}, {"sha256", package.digest.hex()},
          {"index", package.index}, {"layer", package.layer}};
}

Members members_of(const LockedAccount& account) {
  if (account.is_group) return {{"group", account.name}, {"id", account.id}, {"package", account.package}};
  return {{"user", account.name},   {"id", account.id},           {"gid", account.gid},        {"home", account.home},
          {"shell", account.shell}, {"comment", account.comment}, {"package", account.package}};
}

template <class Item>
Bytes item_a_line(const std::vector<Item>& items) {
  Bytes out = "[";
  for (const Item& item : items) out += str(&item == items.data() ? "\n    " : ",\n    ", one_line(members_of(item)));
  return out + (items.empty() ? "]" : "\n  ]");
}

// Its members a line each, and the items of its lists likewise, so that a changed file changes its own line only.
Bytes recipe_lines(const Recipe& recipe) {
  Bytes out = "{";
  for (const auto& [name, value] : recipe_to_json(recipe)) {
    out += str(out.size() > 1 ? "," : "", "\n    ", JsonValue(name).canonical(), ": ");
    const JsonValue::Array* items = value.array();
    const bool listed = items != nullptr && !items->empty() && items->front().object() != nullptr;
    if (!listed) {
      out += value.canonical();
      continue;
    }
    for (const JsonValue& item : *items) out += str(&item == items->data() ? "[" : ",", "\n      ", item.canonical());
    out += "\n    ]";
  }
  return out + (out.size() > 1 ? "\n  }" : "}");
}

// "dists/a": a path as archives have them, which may go into a URL and into a tree as it is.
bool is_archive_path(const std::string& text) {
  return text.size() <= 1000 && is_path_below(text) && text.find_first_of("%?#\\ \t\n\r") == std::string::npos &&
         is_text(text);
}

Result<uint32_t> number_below(const JsonReader& in, const char* name, size_t count, const char* list) {
  const uint64_t number = TRY(in.integer(name));
  if (number >= count) return in.wrong(name, str("is ", number, ", but there are ", count, " ", list));
  return static_cast<uint32_t>(number);
}

Result<uint32_t> account_number(const JsonReader& in, const char* name) {
  const uint64_t number = TRY(in.integer(name));
  if (number >= UINT32_MAX) return in.wrong(name, "is no number of an account");
  return static_cast<uint32_t>(number);
}

Result<std::string> text_that(const JsonReader& in, const char* name, bool (*is)(std::string_view), const char* why) {
  std::string text = TRY(in.text(name));
  if (!is(text)) return in.wrong(name, why);
  return text;
}

Result<LockedRelease> release_from(const JsonReader& in, const Lock&) {
  LockedRelease release;
  release.archive = TRY(text_that(in, "archive", is_archive_name, "is not the name of an archive"));
  release.suite = TRY(text_that(in, "suite", is_suite_name, "is not the name of a suite"));
  release.codename = TRY(in.text("codename"));
  release.date = TRY(in.time("date"));
  if (in.has("valid_until")) release.valid_until = TRY(in.time("valid_until"));
  release.inrelease = TRY(in.digest("inrelease"));
  release.signers = TRY(in.texts("signers"));
  return release;
}

Result<LockedIndex> index_from(const JsonReader& in, const Lock& lock) {
  LockedIndex index;
  index.release = TRY(number_below(in, "release", lock.releases.size(), "releases"));
  index.path = TRY(in.text("path"));
  if (!is_archive_path(index.path)) return in.wrong("path", "is not a relative path in shortest form");
  index.size_bytes = TRY(in.integer("size"));
  index.digest = TRY(in.digest("sha256"));
  return index;
}

Result<LockedPackage> package_from(const JsonReader& in, const Lock& lock) {
  LockedPackage package;
  package.name = TRY(text_that(in, "name", is_package_name, "is not the name of a package"));
  package.version = TRY(text_that(in, "version", is_package_version, "is not a version"));
  package.architecture = TRY(in.text("architecture"));
  if (package.architecture != "all" && package.architecture != lock.architecture)
    return in.wrong("architecture", "is neither \"all\" nor \"" + lock.architecture + "\"");
  package.path = TRY(in.text("path"));
  if (!is_archive_path(package.path)) return in.wrong("path", "is not a relative path in shortest form");
  package.size_bytes = TRY(in.integer("size"));
  package.digest = TRY(in.digest("sha256"));
  package.index = TRY(number_below(in, "index", lock.indices.size(), "indices"));
  package.layer = TRY(number_below(in, "layer", lock.layers.size(), "layers"));
  return package;
}

bool is_field(std::string_view text) { return is_text(text) && text.find_first_of(":\n\r") == std::string_view::npos; }

Result<LockedAccount> account_from(const JsonReader& in, const Lock&) {
  LockedAccount account;
  account.is_group = in.has("group");
  account.name = TRY(text_that(in, account.is_group ? "group" : "user", is_account_name, "is not the name of one"));
  account.id = TRY(account_number(in, "id"));
  account.package = TRY(text_that(in, "package", is_package_name, "is not the name of a package"));
  if (account.is_group) return account;
  account.gid = TRY(account_number(in, "gid"));
  account.home = TRY(text_that(in, "home", is_field, "cannot stand in /etc/passwd"));
  account.shell = TRY(text_that(in, "shell", is_field, "cannot stand in /etc/passwd"));
  account.comment = TRY(text_that(in, "comment", is_field, "cannot stand in /etc/passwd"));
  return account;
}

template <class Item>
Status read_each(const JsonReader& in, const char* name, size_t limit, const Lock& lock, std::vector<Item>& to,
                 Result<Item> (*read)(const JsonReader&, const Lock&)) {
  const JsonValue::Array& items = *TRY(in.array(name));
  if (items.size() > limit) return in.wrong(name, str("has more than ", limit, " items"));
  for (const JsonValue& item : items) {
    const JsonReader members = TRY(JsonReader::of(item, str("lock: ", name, " ", to.size() + 1)));
    to.push_back(TRY(read(members, lock)));
  }
  return Done{};
}

// What each item says by itself is right; do they agree?
Status check_agreement(const JsonReader& in, const Lock& lock) {
  std::set<std::pair<std::string, std::string>> seen;
  uint32_t layer = 0;
  for (const LockedPackage& package : lock.packages) {
    if (!seen.emplace(package.name, package.architecture).second)
      return in.wrong("packages", str("has ", package.name, ":", package.architecture, " twice"));
    if (package.layer < layer)
      return in.wrong("packages", str("has ", package.name, " of layer \"", lock.layers[package.layer],
                                      "\" after packages of a later layer"));
    layer = package.layer;
  }
  std::set<std::pair<bool, std::string>> accounts;
  for (const LockedAccount& account : lock.accounts) {
    if (!accounts.emplace(account.is_group, account.name).second)
      return in.wrong("accounts", str("has ", account.is_group ? "group " : "user ", account.name, " twice"));
  }
  if (lock.recipe_digest != recipe_digest(lock.recipe)) return in.wrong("recipe_digest", "is not that of the recipe");
  return Done{};
}
}  // namespace

Bytes Lock::serialise() const {
  std::vector<std::pair<const char*, Bytes>> members{
      {"granary", JsonValue(kKind).canonical()},
      {"format", JsonValue(kFormat).canonical()},
      {"architecture", JsonValue(architecture).canonical()},
      {"source_date_epoch", JsonValue(source_date_epoch).canonical()},
      {"solver", JsonValue(solver).canonical()},
      {"skipped_newer", JsonValue(skipped_newer).canonical()},
      {"package_count", JsonValue(package_count).canonical()},
      {"recipe_digest", JsonValue(recipe_digest.hex()).canonical()},
      {"recipe", recipe_lines(recipe)},
      {"releases", item_a_line(releases)},
      {"indices", item_a_line(indices)},
      {"layers", JsonValue(JsonValue::Array(layers.begin(), layers.end())).canonical()},
      {"accounts", item_a_line(accounts)},
      {"packages", item_a_line(packages)},
  };
  Bytes out = "{";
  for (const auto& [name, value] : members) out += str(out.size() > 1 ? "," : "", "\n  \"", name, "\": ", value);
  return out + "\n}\n";
}

Result<Lock> Lock::parse(ByteView text) {
  const JsonValue json =
      TRY(parse_document(text, kMaxBytes, kKind,
                         {"architecture", "source_date_epoch", "solver", "skipped_newer", "package_count",
                          "recipe_digest", "recipe", "releases", "indices", "layers", "accounts", "packages"}));
  const JsonReader in = TRY(JsonReader::of(json, kKind));
  Lock lock;
  lock.architecture = TRY(text_that(in, "architecture", is_architecture, "is not one"));
  const uint64_t epoch = TRY(in.integer("source_date_epoch"));
  if (epoch > uint64_t{1} << 40) return in.wrong("source_date_epoch", "lies beyond all dates");
  lock.source_date_epoch = static_cast<UnixSeconds>(epoch);
  lock.solver = TRY(in.text("solver"));
  lock.skipped_newer = TRY(in.integer("skipped_newer"));
  lock.package_count = TRY(in.integer("package_count"));
  lock.recipe_digest = TRY(in.digest("recipe_digest"));
  lock.recipe = TRY_WITHIN("lock", recipe_from_json(*TRY(in.value("recipe"))));
  TRY(read_each(in, "releases", kMaxOthers, lock, lock.releases, release_from));
  TRY(read_each(in, "indices", kMaxOthers, lock, lock.indices, index_from));
  lock.layers = TRY(in.texts("layers"));
  if (lock.layers.size() > kMaxOthers) return in.wrong("layers", str("has more than ", kMaxOthers, " items"));
  TRY(read_each(in, "accounts", kMaxOthers, lock, lock.accounts, account_from));
  TRY(read_each(in, "packages", kMaxPackages, lock, lock.packages, package_from));
  TRY(check_agreement(in, lock));
  return lock;
}

Digest Lock::digest() const { return Digest::of(serialise()); }

}  // namespace granary
