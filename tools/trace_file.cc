#include "tools/trace_file.h"

#include "fs/base/file.h"

namespace granary {

Result<Trace> load_trace(const std::string& path) {
  const auto bytes = read_file(path, Trace::kMaxBytes);
  if (!bytes && bytes.error().code == Code::kEndlessData)
    return Error{Code::kInvalid, str(printable(path), " is longer than ", Trace::kMaxBytes,
                                     " bytes, the most that a trace may have: record a shorter run")};
  if (!bytes) return bytes.error();
  auto trace = Trace::parse(*bytes);
  if (trace || trace.error().code == Code::kUnsupported) return trace;
  return Error{Code::kInvalid, str(printable(path), " is not a trace that `granary profile record` wrote, or not all ",
                                   "of one: ", trace.error().message)};
}

}  // namespace granary
