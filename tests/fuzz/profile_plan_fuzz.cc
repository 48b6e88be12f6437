#include "fs/format/profile_plan.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) {
  const auto plan = decode_plan(input);
  if (!plan) return;
  promise(encode_plan(*plan) == input, "a plan has one encoding");
}
