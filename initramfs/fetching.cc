#include "initramfs/fetching.h"

#include <algorithm>

#include "initramfs/lasting_root.h"

namespace granary {

Result<Bytes> fetch_by_mount_program(const FetchRequest& request) {
  Program program;
  program.words = {"/bin/granary-mount",
                   "--fetch",
                   request.url,
                   "--method",
                   request.method,
                   "--limit",
                   std::to_string(request.limit_bytes),
                   "--timeout",
                   std::to_string((request.timeout.count() + 999) / 1000)};
  for (const std::string& header : request.headers) program.words.insert(program.words.end(), {"--header", header});
  program.output = program.errors = Program::Stream::kCapture;
  program.output_limit_bytes = request.limit_bytes + 1;
  program.timeout = request.timeout + std::chrono::seconds(5);
  ProgramEnd end = TRY(run_in_lasting_root(program));
  if (end.ok()) return std::move(end.output);
  const Code code = end.status == static_cast<int>(Code::kNotFound) ? Code::kNotFound : Code::kUnavailable;
  // One line, which names the URL already.
  std::string why = end.errors.substr(0, std::min<size_t>(end.errors.find('\n'), 400));
  constexpr std::string_view kPrefix = "granary-mount: ";
  if (why.starts_with(kPrefix)) why.erase(0, kPrefix.size());
  return Error{code, why.empty() ? "cannot fetch " + request.url : why};
}

}  // namespace granary
