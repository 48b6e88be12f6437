#include "fs/format/object.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) {
  const Result<Bytes> plain = decode_object(input);
  if (!plain) return;
  promise(plain->size() <= kMaxObjectBytes, "no object is larger than the format allows");
  promise(read_object_header(input)->plain_size_bytes == plain->size(), "the header told the size");
  const ObjectId id = ObjectId::of(*plain);
  promise(bool(decode_object(id, input)), "it is what its name says");
  for (const Codec codec : {Codec::kNone, Codec::kZlib, Codec::kZstd}) {
    const Bytes file = encode_object(*plain, {codec, 1});
    promise(file.size() <= kMaxObjectFileBytes, "no object file is longer than readers accept");
    const Result<Bytes> again = decode_object(id, file);
    promise(again && *again == *plain, "any codec brings the same bytes back");
  }
}
