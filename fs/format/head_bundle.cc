#include "fs/format/head_bundle.h"

namespace granary {

Result<HeadBundle> HeadBundle::parse(ByteView text) {
  const JsonValue json = TRY(parse_document(text, kMaxHeadBytes, kKind, {"roots", "record", "timestamp"}));
  const JsonReader in = TRY(JsonReader::of(json, "head"));
  HeadBundle bundle;
  for (const JsonValue& root : *TRY(in.array("roots")))
    bundle.roots.push_back(TRY(Envelope::from_json(root, "head: root")));
  bundle.record = TRY(Envelope::from_member(in, "record"));
  bundle.timestamp = TRY(Envelope::from_member(in, "timestamp"));
  return bundle;
}

Bytes HeadBundle::serialise() const {
  JsonValue::Array root_list;
  for (const Envelope& root : roots) root_list.push_back(root.to_json());
  JsonValue::Object out = new_document(kKind);
  out["roots"] = std::move(root_list);
  out["record"] = record.to_json();
  out["timestamp"] = timestamp.to_json();
  return JsonValue(std::move(out)).canonical();
}

}  // namespace granary
