// `trace`: the last operations of a mount, as its worker notes them.
#include <sys/stat.h>

#include <chrono>
#include <ctime>
#include <set>
#include <thread>

#include "fs/base/file.h"
#include "fs/client/mount_client.h"
#include "fs/client/operation_trace.h"
#include "fs/client/runtime_directory.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/job_watch.h"
#include "tools/mount_place.h"

namespace granary {

namespace {
constexpr size_t kMostFileBytes = size_t{64} << 20;
constexpr std::chrono::milliseconds kFollowEvery{200};

struct Options {
  std::string place;
  std::vector<std::string> operations;
  size_t last = 0;
  bool start = false, stop = false, follow = false, json = false;
};

// The file itself, or that of the mount that is or was at this path.
Result<std::string> find_trace(const std::string& place) {
  struct stat info {};
  const auto mount = find_mount_or_name(place);
  if (!mount && ::stat(place.c_str(), &info) == 0 && S_ISREG(info.st_mode)) return place;
  const std::string path = mount ? mount->path : TRY(mount_path(place));
  const std::string name = "/" + OperationTrace::file_name(path);
  for (const std::string& directory : runtime_directories_for(mount ? *mount : MountPoint{})) {
    if (::stat((directory + name).c_str(), &info) == 0 && info.st_size > 0) return directory + name;
  }
  return Error{Code::kNotFound,
               str("nothing of ", printable(path), " was traced; granary trace --start ", printable(path), " begins")};
}

std::string time_text(int64_t nanoseconds) {
  const std::time_t seconds = nanoseconds / 1'000'000'000;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char clock[32], text[64];
  std::strftime(clock, sizeof clock, "%H:%M:%S", &local);
  std::snprintf(text, sizeof text, "%s.%06d", clock, static_cast<int>(nanoseconds % 1'000'000'000 / 1000));
  return text;
}

std::string result_text(const TracedOperation& operation) {
  if (operation.result >= 0) return std::to_string(operation.result);
  const char* const name = ::strerrorname_np(-operation.result);
  return name == nullptr ? std::to_string(operation.result) : name;
}

void print(const TracedOperation& operation, Io& io) {
  const bool is_hit = operation.wait == OperationMetrics::Wait::kHit;
  char line[160];
  std::snprintf(line, sizeof line, "%s %7u %-11s %-4s %9.3f ms  %-8s inode %llu", time_text(operation.time_ns).c_str(),
                operation.thread, name_of(operation.operation), is_hit ? "hit" : "miss",
                static_cast<double>(operation.duration_ns) / 1e6, result_text(operation).c_str(),
                static_cast<unsigned long long>(operation.inode));
  io.out << line;
  if (operation.size_bytes > 0) io.out << " bytes " << operation.offset_bytes << "+" << operation.size_bytes;
  if (!operation.name.empty()) io.out << " " << printable(operation.name);
  io.out << "\n";
}

OrderedJson json_of(const TracedOperation& operation) {
  return {{"number", operation.number},
          {"time_ns", operation.time_ns},
          {"thread", operation.thread},
          {"operation", name_of(operation.operation)},
          {"hit", operation.wait == OperationMetrics::Wait::kHit},
          {"duration_ns", operation.duration_ns},
          {"result", operation.result},
          {"inode", operation.inode},
          {"offset", operation.offset_bytes},
          {"size", operation.size_bytes},
          {"name", printable(operation.name)}};
}

// Prints what comes after `next`, and moves it on.
Status show(const std::string& file, const Options& options, const std::set<Operation>& wanted, uint64_t& next,
            Io& io) {
  TraceFile trace = TRY_WITHIN(printable(file), TraceFile::parse(TRY(read_file(file, kMostFileBytes))));
  if (trace.begun < next) next = 0;  // another worker's
  std::erase_if(trace.operations, [&](const TracedOperation& each) {
    return each.number < next || (!wanted.empty() && wanted.count(each.operation) == 0);
  });
  const size_t count = trace.operations.size();
  const size_t skipped = options.last > 0 && count > options.last && next == 0 ? count - options.last : 0;
  for (size_t i = skipped; i < count; ++i) {
    if (options.json) {
      print_json(io, json_of(trace.operations[i]));
    } else {
      print(trace.operations[i], io);
    }
  }
  next = trace.begun;
  io.out.flush();
  return Done{};
}

Status run(const Options& options, Io& io) {
  std::set<Operation> wanted;
  for (const std::string& name : options.operations) wanted.insert(TRY(parse_operation(name)));
  if (options.start || options.stop) {
    const MountPoint mount = TRY(find_mount_or_name(options.place));
    TRY(ask_mount(mount, options.start ? "trace start" : "trace stop"));
    return Done{};
  }
  uint64_t next = 0;
  if (!options.follow) return show(TRY(find_trace(options.place)), options, wanted, next, io);
  const MountPoint mount = TRY(find_mount_or_name(options.place));
  const bool was_off = TRY(ask_mount(mount, "trace")) == "off";
  TRY(ask_mount(mount, "trace start"));
  const std::string file = TRY(find_trace(options.place));
  const Interrupted interrupted;
  Status shown = Done{};
  while (shown && !Interrupted::now()) {
    shown = show(file, options, wanted, next, io);
    std::this_thread::sleep_for(kFollowEvery);
  }
  if (was_off) TRY(ask_mount(mount, "trace stop"));
  return shown;
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("PLACE", options->place, "a mount point, also of a mount that is gone, or the file of a trace")
      ->required();
  auto* const start = app.add_flag("--start", options->start, "begin to trace");
  auto* const stop = app.add_flag("--stop", options->stop, "trace no more; what was traced stays")->excludes(start);
  app.add_flag("--follow", options->follow, "go on until interrupted; traces meanwhile")
      ->excludes(start)
      ->excludes(stop);
  app.add_option("--operations", options->operations, "only these, such as lookup,read")
      ->delimiter(',')
      ->type_name("LIST");
  app.add_option("--last", options->last, "only the last so many")->type_name("N");
  app.add_flag("--json", options->json, "one JSON object a line");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kTraceCommand{
    "trace", "show the operations of a mount one by one",
    "While it is switched on, a mount notes every request of the kernel in a ring of 32,768 records in memory: when, "
    "which "
    "thread, what,\n"
    "of which inode and name, how long it took, whether it had to wait, and the answer. The ring can be read after the "
    "worker was killed\n"
    "(of the worker before: trace.*.old in the runtime directory) and after the mount is gone.",
    "granary trace --start /sw\n"
    "granary trace /sw --operations lookup,read --last 100\n"
    "granary trace /sw --follow\n"
    "granary trace --stop /sw\n"
    "granary trace /run/granary/trace.0123456789ab.old  # of a worker that died\n",
    define};

}  // namespace granary
