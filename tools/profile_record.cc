#include "tools/profile_record.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "fs/base/file.h"
#include "fs/client/control_socket.h"
#include "fs/client/mount_client.h"
#include "fs/format/profile_trace.h"
#include "tools/format.h"
#include "tools/mount_place.h"

namespace granary {

namespace {
constexpr std::chrono::milliseconds kAnswerTimeout{5000};
constexpr std::chrono::milliseconds kStopTimeout{120'000};  // some 100,000 paths are looked up
constexpr const char* kDefaultOutput = "granary.trace";

struct Options {
  std::string mount_point;
  std::string output;
  bool force = false;
  bool keep_caches = false;
  bool json = false;
  std::vector<std::string> command;
};

// ---- the mount

Result<MountPoint> only_mount() {
  std::map<std::string, MountPoint> ours;  // of several on one path, the last one is seen
  for (const MountPoint& mount : TRY(read_mount_table())) ours[mount.path] = mount;
  std::erase_if(ours, [](const auto& entry) { return !entry.second.is_granary(); });
  if (ours.size() == 1) return ours.begin()->second;
  if (ours.empty()) return Error{Code::kNotFound, "there is no Granary mount to record"};
  std::string names;
  for (const auto& [path, mount] : ours) names += (names.empty() ? "" : ", ") + printable(path);
  return Error{Code::kInvalid, str("there are ", ours.size(), " Granary mounts, name one with --mount: ", names)};
}

Result<std::string> ask(const MountPoint& mount, const std::string& question, std::chrono::milliseconds timeout) {
  ControlClient control = TRY(ControlClient::connect(mount));
  return control.ask(question, timeout);
}

Status start_recording(const MountPoint& mount) {
  TRY_WITHIN("cannot record " + printable(mount.path), ask(mount, "profile start", kAnswerTimeout));
  return Done{};
}

struct Recorded {
  OrderedJson counts;
  Bytes document;
  Trace trace;
};

Result<Recorded> stop_recording(const MountPoint& mount) {
  const std::string context = "cannot end the recording of " + printable(mount.path);
  const std::string answer = TRY_WITHIN(context, ask(mount, "profile stop", kStopTimeout));
  const size_t line_end = answer.find('\n');
  Recorded out;
  out.counts = OrderedJson::parse(answer.substr(0, line_end), nullptr, false);
  if (line_end == std::string::npos || !out.counts.is_object())
    return Error{Code::kCorrupt, context + ": the mount's answer is not a trace: another version of Granary?"};
  out.document = answer.substr(line_end + 1);
  out.trace = TRY_WITHIN(context, Trace::parse(out.document));
  return out;
}

// ---- the trace

// What would fail after the work is done fails before it.
Status check_output(const Options& options) {
  if (!options.force && exists(options.output))
    return Error{Code::kConflict, str(printable(options.output), " is there already; --force replaces it")};
  const std::string directory = std::filesystem::absolute(options.output).parent_path().string();
  if (::access(directory.c_str(), W_OK) != 0)
    return system_error(errno, "cannot write a trace into " + printable(directory));
  return Done{};
}

Status keep(const Options& options, const Recorded& recorded) {
  TRY(check_output(options));
  return replace_file(options.output, recorded.document, 0600, Durability::kDurable);
}

// A repository of our own by its path, any other by a word.
std::string repository_words(const MountPoint& mount) {
  const std::string scheme = "file://";
  if (mount.source.starts_with(scheme)) return printable(mount.source.substr(scheme.size()));
  return mount.source.find("://") == std::string::npos ? printable(mount.source) : "REPOSITORY";
}

void tell(const Options& options, const MountPoint& mount, const Recorded& recorded, std::ostream& out) {
  const OrderedJson& counts = recorded.counts;
  out << "recorded " << human_count(counts["files"].get<uint64_t>()) << " files, "
      << human_count(counts["directories"].get<uint64_t>()) << " directories, "
      << human_bytes(counts["bytes"].get<uint64_t>()) << " of snapshot " << recorded.trace.snapshot.brief() << " in "
      << printable(options.output) << "\n"
      << "attach it with: granary profile attach " << repository_words(mount) << " " << recorded.trace.snapshot.brief()
      << " " << printable(options.output) << " --name NAME\n";
}

void warn_of_gaps(const Recorded& recorded, Io& io) {
  const OrderedJson& counts = recorded.counts;
  if (counts["truncated"].get<bool>())
    io.err << "granary: warning: the recording was full before its end; what came later is missing\n";
  if (counts["lost"].get<uint64_t>() > 0)
    io.err << "granary: warning: " << counts["lost"]
           << " entries are missing: a part of the catalog could not be fetched\n";
  if (recorded.trace.touches.empty())
    io.err << "granary: warning: nothing was touched, or the kernel had all of it at hand; a fresh mount sees more\n";
}

// ---- the kernel's caches

void drop_caches(bool keep, Io& io) {
  if (keep) return;
  if (::geteuid() != 0) {
    io.err << "granary: what the kernel has at hand is not seen: a fresh mount records more\n";
    return;
  }
  const std::string setting = "/proc/sys/vm/drop_caches";
  const auto fd = open_file(setting, O_WRONLY | O_CLOEXEC);
  if (!fd || !write_all(fd->get(), "3"))
    io.err << "granary: warning: cannot drop the kernel's caches (" << setting
           << "): what it has at hand is not seen; a fresh mount records more\n";
}

// ---- the command

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT}) sigaddset(&set, signal);
  return set;
}

// Never returns. Whoever is at the other end of `failed` learns why the command could not be run.
[[noreturn]] void become(const std::vector<std::string>& command, const sigset_t& mask, int failed) {
  std::vector<std::string> words = command;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  ::execvp(argv[0], argv.data());
  const int error_number = errno;
  [[maybe_unused]] const ssize_t written = ::write(failed, &error_number, sizeof error_number);
  ::_exit(127);
}

// Its exit status as a shell would have it. What would end us ends the command, so that the recording is ended, too;
// the keyboard's signals reach it without us.
int wait_for(pid_t child, const sigset_t& watched) {
  for (;;) {
    int signal = 0;
    sigwait(&watched, &signal);
    if (signal == SIGTERM || signal == SIGHUP) ::kill(child, signal);
    int how = 0;
    if (::waitpid(child, &how, WNOHANG) != child) continue;
    return WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
  }
}

//   kNotFound, kPermission …  it could not be run
Result<int> run_command(const std::vector<std::string>& command) {
  const std::string what = "cannot run " + printable(command.front());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(errno, what);
  const UniqueFd failure(ends[0]);
  UniqueFd failed(ends[1]);
  const sigset_t watched = watched_signals();
  sigset_t before;
  sigprocmask(SIG_BLOCK, &watched, &before);
  const pid_t child = ::fork();
  if (child == 0) become(command, before, failed.get());
  const int fork_error = errno;
  failed.reset();
  const int status = child > 0 ? wait_for(child, watched) : 127;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) return system_error(fork_error, what);
  int error_number = 0;
  if (::read(failure.get(), &error_number, sizeof error_number) == sizeof error_number)
    return system_error(error_number, what);
  return status;
}

// ---- the sub-commands

Status run_record(const Options& options, Io& io) {
  const MountPoint mount = TRY(options.mount_point.empty() ? only_mount() : find_mount_or_name(options.mount_point));
  TRY(check_output(options));
  TRY(start_recording(mount));
  drop_caches(options.keep_caches, io);
  io.out.flush();
  const auto status = run_command(options.command);
  const auto recorded = stop_recording(mount);
  if (!status) return status.error();
  if (!recorded) return recorded.error();
  TRY(keep(options, *recorded));
  if (*status != 0) io.err << "granary: warning: the command failed: the trace may hold only a part of its work\n";
  warn_of_gaps(*recorded, io);
  tell(options, mount, *recorded, io.err);
  if (*status == 0) return Done{};
  return Error{static_cast<Code>(*status), str(printable(options.command.front()), " ended with status ", *status)};
}

Status run_start(const Options& options, Io& io) {
  const MountPoint mount = TRY(find_mount_or_name(options.mount_point));
  TRY(start_recording(mount));
  io.out << "recording what is touched below " << printable(mount.path)
         << ", but for what the kernel has at hand\nend it with: granary profile stop " << printable(mount.path)
         << " --output FILE\n";
  return Done{};
}

Status run_stop(const Options& options, Io& io) {
  const MountPoint mount = TRY(find_mount_or_name(options.mount_point));
  TRY(check_output(options));
  const Recorded recorded = TRY(stop_recording(mount));
  TRY(keep(options, recorded));
  warn_of_gaps(recorded, io);
  if (!options.json) return tell(options, mount, recorded, io.out), Done{};
  OrderedJson out{{"trace", printable(options.output)}, {"snapshot", recorded.trace.snapshot.hex()}};
  out.update(recorded.counts);
  print_json(io, out);
  return Done{};
}
}  // namespace

Action define_profile_record(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("--mount", options->mount_point, "the mount to record (default: the only Granary mount there is)");
  app.add_option("-o,--output", options->output, "the trace; only you may read it")->default_val(kDefaultOutput);
  app.add_flag("--force", options->force, "replace a trace that is there already");
  app.add_flag("--keep-caches", options->keep_caches,
               "leave the kernel's clean caches alone, which are dropped first when you are root: what they hold is "
               "read without the mount noticing");
  app.add_option("COMMAND", options->command, "the work to record, after --; its exit status is passed on")->required();
  return [options](Io& io) { return run_record(*options, io); };
}

Action define_profile_start(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("MOUNT", options->mount_point, "a mount point")->required();
  return [options](Io& io) { return run_start(*options, io); };
}

Action define_profile_stop(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("MOUNT", options->mount_point, "a mount point")->required();
  app.add_option("-o,--output", options->output, "the trace; only you may read it")->required();
  app.add_flag("--force", options->force, "replace a trace that is there already");
  app.add_flag("--json", options->json, "print a JSON object");
  return [options](Io& io) { return run_stop(*options, io); };
}

}  // namespace granary
