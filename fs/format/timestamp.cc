#include "fs/format/timestamp.h"

#include "fs/format/identifiers.h"

namespace granary {

Result<Timestamp> Timestamp::parse(ByteView payload) {
  const JsonValue json =
      TRY(parse_document(payload, kMaxDocumentBytes, kKind, {"repository", "revision", "record", "time", "expires"}));
  const JsonReader in = TRY(JsonReader::of(json, "timestamp"));
  Timestamp timestamp;
  timestamp.repository = TRY(in.text("repository"));
  if (!is_repository_uuid(timestamp.repository)) return in.wrong("repository", "is not a UUID");
  timestamp.revision = TRY(in.integer("revision"));
  if (timestamp.revision == 0) return in.wrong("revision", "is 0");
  timestamp.record = TRY(in.digest("record"));
  timestamp.time = TRY(in.time("time"));
  timestamp.expires = TRY(in.time("expires"));
  return timestamp;
}

Bytes Timestamp::serialise() const {
  JsonValue::Object out = new_document(kKind);
  out["repository"] = repository;
  out["revision"] = revision;
  out["record"] = record.hex();
  out["time"] = format_utc(time);
  out["expires"] = format_utc(expires);
  return JsonValue(std::move(out)).canonical();
}

}  // namespace granary
