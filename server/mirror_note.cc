#include "server/mirror_note.h"

#include "fs/base/file.h"
#include "fs/format/json.h"

namespace granary {

namespace {
constexpr size_t kMaxNoteBytes = size_t{64} << 20;
std::string path_in(const std::string& repository) { return repository + "/.granary/mirror.json"; }

JsonValue list_of(const std::set<std::string>& names) {
  JsonValue::Array out;
  for (const std::string& name : names) out.emplace_back(name);
  return out;
}

Result<std::set<std::string>> names_in(const JsonReader& in, std::string_view member) {
  const auto names = TRY(in.texts(member));
  return std::set<std::string>(names.begin(), names.end());
}
}  // namespace

std::vector<KeptName> MirrorNote::choose(std::vector<KeptName> names) const {
  if (!is_partial()) return names;
  std::vector<KeptName> chosen;
  bool base_follows = false;  // the statements that one rests on stand behind it
  for (KeptName& name : names) {
    const bool is_base = name.what.starts_with("the base of ");
    const bool is_branch = name.statement.kind == Statement::Kind::kBranch;
    const bool is_chosen = is_base ? base_follows : (is_branch ? branches : tags).contains(name.statement.name);
    base_follows = is_chosen;
    if (!is_chosen) continue;
    name.branch.clear();
    chosen.push_back(std::move(name));
  }
  return chosen;
}

Result<std::optional<MirrorNote>> MirrorNote::load(const std::string& repository) {
  const auto text = read_file(path_in(repository), kMaxNoteBytes);
  if (!text && text.error().code == Code::kNotFound) return std::optional<MirrorNote>();
  if (!text) return text.error();
  const JsonValue json = TRY_WITHIN(printable(path_in(repository)), JsonValue::parse(*text, kMaxNoteBytes));
  const JsonReader in = TRY(JsonReader::of(json, printable(path_in(repository))));
  MirrorNote note;
  note.source = TRY(in.text("source"));
  note.branches = TRY(names_in(in, "branches"));
  note.tags = TRY(names_in(in, "tags"));
  for (const std::string& id : TRY(names_in(in, "complete"))) note.complete.insert(TRY(Digest::parse(id)));
  return std::optional(std::move(note));
}

Status MirrorNote::save(const std::string& repository) const {
  std::set<std::string> ids;
  for (const Digest& id : complete) ids.insert(id.hex());
  const JsonValue json(JsonValue::Object{
      {"source", source}, {"branches", list_of(branches)}, {"tags", list_of(tags)}, {"complete", list_of(ids)}});
  return replace_file(path_in(repository), json.canonical(), 0600, Durability::kDurable);
}

}  // namespace granary
