#include "fs/format/catalog_index.h"

#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) {
  if (const auto index = decode_catalog_index(input)) {
    promise(index->inlined.size() <= kMaxInlinedPages, "few pages are inlined");
    promise(encode_catalog_index(*index) == input, "there is one encoding of each index");
  }
  if (const auto leaf = decode_index_leaf(input, 2))
    promise(encode_index_leaf(*leaf) == input, "there is one encoding of each leaf");
}
