#include "fs/format/snapshot.h"

#include "fs/format/identifiers.h"
#include "fs/format/object.h"

namespace granary {

namespace {

constexpr size_t kMaxMessageBytes = size_t{64} << 10;
}  // namespace

Result<Snapshot> Snapshot::parse(ByteView object) {
  const JsonValue json = TRY(
      parse_document(object, kMaxObjectBytes, kKind,
                     {"repository", "tree", "catalog", "parents", "time", "branch", "message", "entries", "bytes"}));
  const JsonReader in = TRY(JsonReader::of(json, "snapshot"));
  Snapshot snapshot;
  snapshot.repository = TRY(in.text("repository"));
  if (!is_repository_uuid(snapshot.repository)) return in.wrong("repository", "is not a UUID");
  snapshot.tree = TRY(in.digest("tree"));
  snapshot.catalog = TRY(in.digest("catalog"));
  snapshot.parents = TRY(in.digests("parents"));
  snapshot.time = TRY(in.time("time"));
  snapshot.branch = TRY(in.text("branch"));
  if (!is_ref_name(snapshot.branch)) return in.wrong("branch", "is not the name of a branch");
  snapshot.message = TRY(in.text("message", kMaxMessageBytes));
  snapshot.entries = TRY(in.integer("entries"));
  snapshot.bytes = TRY(in.integer("bytes"));
  return snapshot;
}

Bytes Snapshot::serialise() const {
  JsonValue::Array parent_list;
  for (const SnapshotId& parent : parents) parent_list.emplace_back(parent.hex());
  JsonValue::Object out = new_document(kKind);
  out["repository"] = repository;
  out["tree"] = tree.hex();
  out["catalog"] = catalog.hex();
  out["parents"] = std::move(parent_list);
  out["time"] = format_utc(time);
  out["branch"] = branch;
  out["message"] = message;
  out["entries"] = entries;
  out["bytes"] = bytes;
  return JsonValue(std::move(out)).canonical();
}

}  // namespace granary
