#include "fs/format/names.h"

#include "fs/format/identifiers.h"
#include "fs/format/object.h"

namespace granary {

namespace {
Result<SnapshotId> parse_snapshot_id(const JsonReader& in, std::string_view member, const std::string& text) {
  const Result<SnapshotId> id = SnapshotId::parse(text);
  if (!id) return in.wrong(member, "holds something that is not a snapshot id");
  return id;
}

Result<Retention> parse_retention(const JsonValue& json, const std::string& what) {
  const JsonReader in = TRY(JsonReader::of(json, what));
  Retention retention;
  if (in.has("keep_last")) retention.keep_last = TRY(in.integer("keep_last"));
  if (in.has("keep_seconds")) retention.keep_seconds = TRY(in.integer("keep_seconds"));
  if (retention.keep_last.has_value() == retention.keep_seconds.has_value())
    return in.wrong("keep_last", "and \"keep_seconds\": exactly one of them is needed");
  retention.effective = TRY(in.time("effective"));
  return retention;
}

Result<std::vector<Envelope>> parse_notes(const JsonValue& json, const std::string& what) {
  if (json.array() == nullptr) return Error{Code::kCorrupt, what + " is not a list"};
  std::vector<Envelope> notes;
  for (const JsonValue& note : *json.array()) notes.push_back(TRY(Envelope::from_json(note, what)));
  return notes;
}
}  // namespace

Result<Names> Names::parse(ByteView object) {
  const JsonValue json =
      TRY(parse_document(object, kMaxObjectBytes, kKind, {"tags", "withdrawn", "retention", "notes"}));
  const JsonReader in = TRY(JsonReader::of(json, "names"));
  Names names;
  for (const auto& [name, statement] : *TRY(in.object("tags"))) {
    if (!is_ref_name(name)) return in.wrong("tags", "holds something that is not the name of a tag");
    names.tags.emplace(name, TRY(Envelope::from_json(statement, "names: tag " + name)));
  }
  for (const auto& [id, value] : *TRY(in.object("withdrawn"))) {
    const JsonReader entry = TRY(JsonReader::of(value, "names: withdrawn"));
    Withdrawal& withdrawal = names.withdrawn[TRY(parse_snapshot_id(in, "withdrawn", id))];
    withdrawal.reason = TRY(entry.text("reason"));
    withdrawal.time = TRY(entry.time("time"));
  }
  for (const auto& [branch, value] : *TRY(in.object("retention"))) {
    if (!is_ref_name(branch)) return in.wrong("retention", "holds something that is not the name of a branch");
    names.retention[branch] = TRY(parse_retention(value, "names: retention of " + branch));
  }
  for (const auto& [id, value] : *TRY(in.object("notes")))
    names.notes[TRY(parse_snapshot_id(in, "notes", id))] = TRY(parse_notes(value, "names: notes"));
  return names;
}

Bytes Names::serialise() const {
  JsonValue::Object tag_list;
  for (const auto& [name, statement] : tags) tag_list[name] = statement.to_json();
  JsonValue::Object withdrawn_list;
  for (const auto& [id, entry] : withdrawn)
    withdrawn_list[id.hex()] = JsonValue::Object{{"reason", entry.reason}, {"time", format_utc(entry.time)}};
  JsonValue::Object retention_list;
  for (const auto& [branch, entry] : retention) {
    JsonValue::Object item{{"effective", format_utc(entry.effective)}};
    if (entry.keep_last) item["keep_last"] = *entry.keep_last;
    if (entry.keep_seconds) item["keep_seconds"] = *entry.keep_seconds;
    retention_list[branch] = std::move(item);
  }
  JsonValue::Object note_list;
  for (const auto& [id, envelopes] : notes) {
    JsonValue::Array list;
    for (const Envelope& envelope : envelopes) list.push_back(envelope.to_json());
    note_list[id.hex()] = std::move(list);
  }
  JsonValue::Object out = new_document(kKind);
  out["tags"] = std::move(tag_list);
  out["withdrawn"] = std::move(withdrawn_list);
  out["retention"] = std::move(retention_list);
  out["notes"] = std::move(note_list);
  return JsonValue(std::move(out)).canonical();
}

}  // namespace granary
