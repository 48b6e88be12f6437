#include "fs/client/operation_trace.h"

#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) {
  const auto file = TraceFile::parse(input);
  if (!file) return;
  promise(file->operations.size() <= file->capacity, "no more operations than there is room for");
  for (const TracedOperation& operation : file->operations)
    promise(operation.name.size() <= TracedOperation::kMostNameBytes, "names are short");
}
