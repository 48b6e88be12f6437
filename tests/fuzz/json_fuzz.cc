#include "fs/format/json.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) {
  const Result<JsonValue> value = JsonValue::parse(input, size_t{1} << 20);
  if (!value) return;
  const Bytes written = value->canonical();
  const Result<JsonValue> again = JsonValue::parse(written, size_t{8} << 20);
  promise(bool(again), "what was written can be read");
  promise(again->canonical() == written, "writing is canonical");
}
