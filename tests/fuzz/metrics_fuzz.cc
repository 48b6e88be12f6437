#include "fs/client/metrics_text.h"

#include "fs/base/bytes.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) {
  const std::string merged = merged_metrics({std::string(input)});
  promise(merged_metrics({merged}) == merged, "merging again changes nothing");
}
