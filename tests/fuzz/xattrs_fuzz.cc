#include "fs/format/node.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) {
  const Result<std::vector<Xattr>> xattrs = decode_xattrs(input);
  if (!xattrs) return;
  promise(encode_xattrs(*xattrs) == input, "there is one encoding of each list");
}
