#include "fs/client/trust_memory.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "fs/base/file.h"
#include "fs/base/owner.h"

namespace granary {

namespace {
constexpr std::string_view kKind = "seen";
constexpr size_t kMaxMemoryBytes = size_t{16} << 20;

std::string home_directory() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') return home;
  const passwd* user = ::getpwuid(::geteuid());
  return user != nullptr ? user->pw_dir : "/";
}

Bytes serialise(const std::string& repository, const Seen& seen) {
  JsonValue::Object branches;
  for (const auto& [name, branch] : seen.branches)
    branches[name] = JsonValue::Object{{"sequence", branch.sequence}, {"snapshot", branch.snapshot.hex()}};
  JsonValue::Object tags;
  for (const auto& [name, snapshot] : seen.tags) tags[name] = snapshot.hex();
  JsonValue::Object out = new_document(kKind);
  out["repository"] = repository;
  out["root_version"] = seen.root_version;
  out["root"] = seen.root.hex();
  out["release_keys"] = seen.release_keys.hex();
  out["revision"] = seen.revision;
  out["record"] = seen.record.hex();
  out["branches"] = std::move(branches);
  out["tags"] = std::move(tags);
  out["timestamp_keys"] = seen.timestamp_keys.hex();
  out["timestamp"] = format_utc(seen.timestamp);
  return JsonValue(std::move(out)).canonical() + "\n";
}

Result<Seen> parse(const std::string& repository, ByteView text) {
  const JsonValue json = TRY(parse_document(text, kMaxMemoryBytes, kKind, {}));
  const JsonReader in = TRY(JsonReader::of(json, std::string(kKind)));
  const std::string actual = TRY(in.text("repository"));
  if (actual != repository) return in.wrong("repository", "is another one");
  Seen seen;
  seen.root_version = TRY(in.integer("root_version"));
  seen.root = TRY(in.digest("root"));
  seen.release_keys = TRY(in.digest("release_keys"));
  seen.revision = TRY(in.integer("revision"));
  seen.record = TRY(in.digest("record"));
  for (const auto& [name, value] : *TRY(in.object("branches"))) {
    const JsonReader branch = TRY(JsonReader::of(value, "seen: branch " + printable(name)));
    auto& remembered = seen.branches[name];
    remembered.sequence = TRY(branch.integer("sequence"));
    remembered.snapshot = TRY(branch.digest("snapshot"));
  }
  const JsonReader tags = TRY(in.reader("tags", "seen: tags"));
  for (const auto& [name, value] : tags.members()) seen.tags[name] = TRY(tags.digest(name));
  seen.timestamp_keys = TRY(in.digest("timestamp_keys"));
  seen.timestamp = TRY(in.time("timestamp"));
  return seen;
}
}  // namespace

std::string TrustMemory::default_directory() {
  if (::geteuid() == 0) return "/var/lib/granary/seen";
  const char* state = std::getenv("XDG_STATE_HOME");
  const bool usable = state != nullptr && *state == '/';
  return (usable ? std::string(state) : home_directory() + "/.local/state") + "/granary/seen";
}

Result<Seen> TrustMemory::load(const std::string& repository) const {
  const ActingAsOwner acting(directory_);
  const std::string path = path_of(repository);
  const Result<Bytes> text = read_file(path, kMaxMemoryBytes);
  if (!text && text.error().code == Code::kNotFound) return Seen{};
  if (!text && text.error().code != Code::kEndlessData)
    return text.error().within("cannot recall what was seen of repository " + repository);
  Result<Seen> seen = text ? parse(repository, *text) : Result<Seen>(text.error());
  if (seen) return seen;
  return Error{Code::kCorrupt, str("cannot recall what was seen of repository ", repository, ": ", printable(path),
                                   " is damaged (", seen.error().message,
                                   "). Without it old heads cannot be told from new ones; if you are "
                                   "sure that nobody meddled with this machine, remove that file: the next head is "
                                   "then believed as the first was")};
}

Status TrustMemory::remember(const std::string& repository, const Seen& seen) const {
  const std::string what = "cannot remember what was seen of repository " + repository;
  const ActingAsOwner acting(directory_);
  TRY_WITHIN(what, make_directories(directory_, 0700));
  const std::string path = path_of(repository);
  const FileLock lock = TRY_WITHIN(what, FileLock::wait(path + ".lock"));
  Seen known = TRY(load(repository));
  const Seen before = known;
  TRY_WITHIN(what, known.merge(seen));
  if (known == before) return Done{};
  TRY_WITHIN(what, replace_file(path, serialise(repository, known), 0600, Durability::kDurable));
  return Done{};
}

}  // namespace granary
