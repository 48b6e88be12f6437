#include "fs/fuse/resolve_mode.h"

#include <cstdio>

#include "fs/base/log.h"
#include "fs/format/json.h"
#include "fs/fuse/confinement.h"
#include "fs/fuse/mount_arguments.h"

namespace granary {

namespace {
constexpr int kWrongCommandLine = 2;

constexpr const char* kHelp =
    "usage: granary-mount --resolve [OPTIONS] URL\n"
    "Prints, as a line of JSON, which snapshot `granary-mount [OPTIONS] URL MOUNTPOINT` would mount now: the same\n"
    "options (granary-mount --help), the same checks, the same memory of the versions seen. Mounts nothing.\n\n"
    "Example:\n"
    "  granary-mount --resolve --trust sw.trust --branch main https://sw.example.org/repo\n\n"
    "Exit status: 0, or as granary-mount's.\n";

JsonValue text_or_null(const std::string& text) { return text.empty() ? JsonValue() : JsonValue(printable(text)); }

std::string line_about(const ResolvedSnapshot& resolved) {
  return JsonValue(JsonValue::Object{
                       {"repository", resolved.repository},
                       {"name", resolved.repository_name},
                       {"url", resolved.url},
                       {"snapshot", resolved.id.hex()},
                       {"tree_digest", resolved.snapshot.tree.hex()},
                       {"branch", text_or_null(resolved.branch)},
                       {"tag", text_or_null(resolved.tag)},
                       {"revision", resolved.revision},
                       {"published_at", format_utc(resolved.snapshot.time)},
                       {"message", text_or_null(resolved.snapshot.message)},
                       {"freshness", name_of(resolved.freshness)},
                       {"offline", resolved.is_offline},
                       {"timestamp_at", format_utc(resolved.timestamp_at)},
                   })
             .canonical() +
         "\n";
}

Status resolve(const MountOptions& options) {
  const MountPlan plan = TRY(MountPlan::make(options));
  TRY(confine(plan));
  const auto connection = TRY(Connection::open(connection_options(plan)));
  const auto view = TRY(RepositoryView::open(connection->fetcher(), view_options(plan), plan.options.selector));
  const std::string line = line_about(TRY(view->resolve(plan.options.selector)));
  if (std::fputs(line.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
    return Error{Code::kNoSpace, "cannot write to standard output"};
  return Done{};
}
}  // namespace

int run_resolve(const std::vector<std::string>& arguments) {
  const auto options = parse_resolve_arguments(arguments);
  if (!options) {
    std::fprintf(stderr, "granary-mount: %s; see granary-mount --resolve --help\n", options.error().message.c_str());
    return kWrongCommandLine;
  }
  if (options->help) return std::fputs(kHelp, stdout) < 0;
  log::set_level(options->verbose ? log::Level::kDebug : log::Level::kError);
  const Status resolved = resolve(*options);
  if (resolved) return 0;
  std::fprintf(stderr, "granary-mount: %s\n", resolved.error().message.c_str());
  return static_cast<int>(resolved.error().code);
}

}  // namespace granary
