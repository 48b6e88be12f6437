#include "fs/format/profile.h"

#include "fs/format/identifiers.h"

namespace granary {

Status check_profile_name(std::string_view name) {
  if (is_ref_name(name)) return Done{};
  return Error{Code::kInvalid, str("\"", printable(name.substr(0, 300)),
                                   "\" cannot name a profile: 1 to 128 of A-Z a-z 0-9 . _ / + -, "
                                   "first a letter or digit, no empty, \".\" or \"..\" component")};
}

Result<ProfileNote> ProfileNote::parse(ByteView payload) {
  const JsonValue json = TRY(
      parse_document(payload, kMaxDocumentBytes, kKind,
                     {"repository", "snapshot", "kind", "time", "name", "base", "plan", "trace", "objects", "bytes"}));
  const JsonReader in = TRY(JsonReader::of(json, "note"));
  ProfileNote note;
  note.repository = TRY(in.text("repository"));
  if (!is_repository_uuid(note.repository)) return in.wrong("repository", "is not a UUID");
  note.snapshot = TRY(in.digest("snapshot"));
  if (TRY(in.text("kind")) != kNoteKind) return in.wrong("kind", "is not \"profile\"");
  note.time = TRY(in.time("time"));
  note.name = TRY(in.text("name"));
  if (!is_ref_name(note.name)) return in.wrong("name", "is not the name of a profile");
  note.base = TRY(in.digest("base"));
  note.plan = TRY(in.digest("plan"));
  note.trace = TRY(in.digest("trace"));
  note.objects = TRY(in.integer("objects"));
  if (note.objects > kMaxPlannedObjects) return in.wrong("objects", str("are more than ", kMaxPlannedObjects));
  note.bytes = TRY(in.integer("bytes"));
  return note;
}

Bytes ProfileNote::serialise() const {
  JsonValue::Object out = new_document(kKind);
  out["repository"] = repository;
  out["snapshot"] = snapshot.hex();
  out["kind"] = std::string(kNoteKind);
  out["time"] = format_utc(time);
  out["name"] = name;
  out["base"] = base.hex();
  out["plan"] = plan.hex();
  out["trace"] = trace.hex();
  out["objects"] = objects;
  out["bytes"] = bytes;
  return JsonValue(std::move(out)).canonical();
}

namespace {
// What all notes have in common, whatever their kind (7.6).
Result<std::string> kind_of_note(ByteView payload) {
  const JsonValue json = TRY(JsonValue::parse(payload, kMaxDocumentBytes));
  return TRY(JsonReader::of(json, "note")).text("kind");
}
}  // namespace

Result<std::optional<VerifiedProfile>> verify_profile(const Envelope& envelope, const Root& root,
                                                      const SnapshotId& snapshot) {
  const std::string what = "a note on snapshot " + snapshot.brief();
  std::set<KeyId> signers = TRY_WITHIN(what, root.verify(envelope, ProfileNote::kKind, RoleName::kRelease));
  if (TRY_WITHIN(what, kind_of_note(envelope.payload)) != ProfileNote::kNoteKind)
    return std::optional<VerifiedProfile>();
  const ProfileNote note = TRY_WITHIN(what, ProfileNote::parse(envelope.payload));
  if (note.repository != root.repository)
    return Error{Code::kWrongRepository, str("profile ", note.name, " of snapshot ", snapshot.brief(),
                                             " is for repository ", note.repository, ", not ", root.repository)};
  if (note.snapshot != snapshot)
    return Error{Code::kMixAndMatch, str("profile ", note.name, " is for snapshot ", note.snapshot.brief(),
                                         ", but is filed under snapshot ", snapshot.brief())};
  return std::optional(VerifiedProfile{note, std::move(signers)});
}

Profiles profiles_of(const Root& root, const Names& names, const SnapshotId& snapshot) {
  Profiles profiles;
  const auto notes = names.notes.find(snapshot);
  if (notes == names.notes.end()) return profiles;
  for (const Envelope& envelope : notes->second) {
    Result<std::optional<VerifiedProfile>> profile = verify_profile(envelope, root, snapshot);
    if (!profile) profiles.refused.push_back(profile.error());
    if (!profile || !*profile) continue;
    VerifiedProfile& newest = profiles.by_name.try_emplace((*profile)->note.name, **profile).first->second;
    if (newest.note.time <= (*profile)->note.time) newest = std::move(**profile);
  }
  return profiles;
}

size_t detach_profiles(Names& names, const SnapshotId& snapshot, const std::string& name) {
  const auto notes = names.notes.find(snapshot);
  if (notes == names.notes.end()) return 0;
  const size_t count = std::erase_if(notes->second, [&](const Envelope& envelope) {
    const auto note = ProfileNote::parse(envelope.payload);
    return note && note->name == name;
  });
  if (notes->second.empty()) names.notes.erase(notes);
  return count;
}

Result<VerifiedProfile> find_profile(const Root& root, const Names& names, const SnapshotId& snapshot,
                                     const std::string& name) {
  TRY(check_profile_name(name));
  Profiles profiles = profiles_of(root, names, snapshot);
  if (const auto found = profiles.by_name.find(name); found != profiles.by_name.end()) return found->second;
  const std::string what = str("snapshot ", snapshot.brief(), " has no profile ", name);
  if (!profiles.refused.empty())
    return profiles.refused.front().within(what +
                                           " that can be believed; attach it anew with `granary profile attach`");
  std::string there_are;
  for (const auto& [other, profile] : profiles.by_name) there_are += (there_are.empty() ? "" : ", ") + other;
  return Error{Code::kNotFound, what + (there_are.empty() ? ", nor any other" : "; it has " + there_are)};
}

Result<VerifiedProfile> find_profile(const VerifiedHead& head, const Names& names, const SnapshotId& snapshot,
                                     const std::string& name) {
  return find_profile(head.root(), names, snapshot, name);
}

}  // namespace granary
