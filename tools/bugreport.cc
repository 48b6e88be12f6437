// `bugreport`: what somebody needs to know who is to find out what is wrong with the mounts of this host.
// Each step is bounded in time and runs in a child process, so that it works with mounts that are dead or hang.
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/client/control_socket.h"
#include "fs/client/operation_trace.h"
#include "fs/client/runtime_directory.h"
#include "tools/bounded.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/many_mounts.h"
#include "tools/mount_probe.h"
#include "tools/programs.h"
#include "tools/report_archive.h"

namespace granary {

namespace {
namespace fs = std::filesystem;
constexpr std::chrono::milliseconds kStepTimeout{5000};
constexpr std::chrono::milliseconds kQuestionTimeout{3000};
constexpr size_t kMostFileBytes = size_t{1} << 20;
constexpr size_t kMostTracedOperations = 2000;

struct Options {
  std::string output;
};

// One text of the report.
struct Step {
  std::string name;
  Bounded::Work work;
};

std::string file_text(const std::string& path) {
  const auto text = read_file(path, kMostFileBytes);
  return text ? *text : "cannot read " + path + ": " + text.error().message + "\n";
}

// What a program prints, errors included.
void run_program(const std::string& command, const Bounded::Say& say) {
  FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return say("cannot run " + command + "\n");
  char part[4096];
  for (size_t n = 0; (n = std::fread(part, 1, sizeof part, pipe)) > 0;) say(std::string(part, n));
  ::pclose(pipe);
}

void describe_versions(const Bounded::Say& say) {
  say("granary " GRANARY_VERSION "\n");
  utsname system{};
  if (::uname(&system) == 0)
    say(str(system.sysname, " ", system.release, " ", system.version, " ", system.machine, "\n"));
  say(file_text("/etc/os-release"));
  if (const auto program = find_program("granary-mount")) run_program("'" + *program + "' --version", say);
  run_program("fusermount3 --version", say);
  run_program("ls -l /dev/fuse; cat /etc/fuse.conf", say);
}

void describe_host(const Bounded::Say& say) {
  for (const char* file :
       {"/proc/uptime", "/proc/loadavg", "/proc/meminfo", "/proc/pressure/io", "/proc/pressure/memory"})
    say(str("== ", file, "\n", file_text(file)));
}

void describe_mounts(const Bounded::Say& say) {
  std::istringstream lines(file_text("/proc/self/mountinfo"));
  for (std::string line; std::getline(lines, line);) {
    if (line.find("granary") != std::string::npos || line.find(" fuse") != std::string::npos)
      say(log::without_passwords(line) + "\n");
  }
}

// Every process of ours: its state, and what each thread waits for in the kernel.
void describe_processes(const Bounded::Say& say) {
  std::error_code failure;
  for (const auto& process : fs::directory_iterator("/proc", failure)) {
    const std::string comm = file_text(process.path() / "comm");
    const std::string pid = process.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos || !comm.starts_with("granary")) continue;
    std::string line = file_text(process.path() / "cmdline");
    std::replace(line.begin(), line.end(), '\0', ' ');
    say(str("== process ", pid, ": ", log::without_passwords(line), "\n", file_text(process.path() / "status"),
            file_text(process.path() / "limits")));
    for (const auto& thread : fs::directory_iterator(process.path() / "task", failure))
      say(str("thread ", thread.path().filename().string(), " ", file_text(thread.path() / "wchan"), " ",
              file_text(thread.path() / "comm")));
  }
}

bool may_hold_secret(const std::string& line) {
  for (const char* word : {"password", "passwd", "secret", "token"}) {
    if (line.find(word) != std::string::npos) return true;
  }
  return false;
}

// Trust files and keys are not configuration; passwords are left out.
void describe_configuration(const Bounded::Say& say) {
  std::error_code failure;
  std::vector<std::string> files;
  for (const auto& file : fs::recursive_directory_iterator("/etc/granary", failure)) {
    if (file.is_regular_file(failure) && file.path().extension() == ".conf") files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    say("== " + file + "\n");
    std::istringstream lines(file_text(file));
    for (std::string line; std::getline(lines, line);)
      say((may_hold_secret(line) ? "[left out]" : log::without_passwords(line)) + "\n");
  }
  std::istringstream table(file_text("/etc/fstab"));
  for (std::string line; std::getline(table, line);) {
    if (line.find("granary") != std::string::npos) say("fstab: " + log::without_passwords(line) + "\n");
  }
}

void describe_journal(const Bounded::Say& say) {
  run_program(
      "journalctl --no-pager -t granary-mount -n 500 2>/dev/null || tail -n 5000 /var/log/syslog | grep granary-mount",
      [&](const std::string& text) { say(log::without_passwords(text)); });
}

void describe_probe(const Bounded::Say& say) {
  const auto mounts = chosen_mounts({});
  if (!mounts) return say(mounts.error().message + "\n");
  for (const ProbeReport& report : probe_mounts(*mounts, kStepTimeout - std::chrono::milliseconds(1000))) {
    say(str(printable(report.mount.path), " ", name_of(report.worst()), " ", report.complaint(), "\n"));
    for (const ProbeCheck& check : report.checks)
      say(str("  ", check.name, " ", name_of(check.outcome), " ", check.milliseconds, " ms ", check.detail, "\n"));
  }
}

Bounded::Work question(const MountPoint& mount, const std::string& words) {
  return [mount, words](const Bounded::Say& say) {
    auto control = ControlClient::connect(mount);
    const auto answer = control ? control->ask(words, kQuestionTimeout) : Result<std::string>(control.error());
    say((answer ? log::without_passwords(*answer) : answer.error().message) + "\n");
  };
}

Bounded::Work last_operations(const MountPoint& mount) {
  return [mount](const Bounded::Say& say) {
    const std::string name = "/" + OperationTrace::file_name(mount.path);
    for (const std::string& directory : runtime_directories_for(mount)) {
      for (const char* ending : {".old", ""}) {
        const auto bytes = read_file(directory + name + ending, size_t{64} << 20);
        const auto trace = bytes ? TraceFile::parse(*bytes) : Result<TraceFile>(bytes.error());
        if (!trace) continue;
        say(str("== ", directory, name, ending, ", process ", trace->process, "\n"));
        const size_t count = trace->operations.size();
        for (size_t i = count - std::min(count, kMostTracedOperations); i < count; ++i) {
          const TracedOperation& each = trace->operations[i];
          say(str(each.time_ns, " ", each.thread, " ", name_of(each.operation), " inode=", each.inode, " offset=",
                  each.offset_bytes, " size=", each.size_bytes, " result=", each.result, " ns=", each.duration_ns,
                  each.wait == OperationMetrics::Wait::kMiss ? " miss " : " hit ", printable(each.name), "\n"));
        }
      }
    }
  };
}

std::vector<Step> steps_for(const std::vector<MountPoint>& mounts) {
  std::vector<Step> steps{{"versions.txt", describe_versions},
                          {"host.txt", describe_host},
                          {"mounts.txt", describe_mounts},
                          {"processes.txt", describe_processes},
                          {"configuration.txt", describe_configuration},
                          {"journal.txt", describe_journal},
                          {"probe.txt", describe_probe}};
  for (size_t i = 0; i < mounts.size(); ++i) {
    const std::string folder = str("mount-", i + 1, "/");
    const MountPoint& mount = mounts[i];
    steps.push_back({folder + "place.txt", [mount](const Bounded::Say& say) {
                       say(str(printable(mount.path), "\n", mount.source, "\n", mount.super_options, "\n"));
                     }});
    for (const auto& [name, words] : {std::pair("stat.json", "stat"), std::pair("metrics.txt", "metrics"),
                                      std::pair("log.txt", "log"), std::pair("options.json", "options")})
      steps.push_back({folder + name, question(mount, words)});
    steps.push_back({folder + "trace.txt", last_operations(mount)});
  }
  return steps;
}

constexpr const char* kReadme =
    "What this report holds: versions, the host's memory and load, mounts of Granary and other FUSE mounts, processes "
    "of\n"
    "Granary, the configuration without passwords, log lines, whether each mount answers, and of each mount its "
    "figures,\n"
    "its options, its last log lines and, if it was traced, its last operations.\n"
    "It holds names of hosts, repositories, files and directories. It holds no keys, and no contents of files.\n";

Status run(const Options& options, Io& io) {
  char stamp[32];
  const std::time_t now = std::time(nullptr);
  std::strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", std::gmtime(&now));
  const std::string folder = str("granary-bugreport-", stamp);
  const std::string file = options.output.empty() ? folder + ".tar.gz" : options.output;
  const auto archive = TRY_WITHIN("cannot write " + printable(file), ReportArchive::create(file, folder));
  TRY(archive->add("README.txt", kReadme));
  const auto mounts = chosen_mounts({});
  for (const Step& step : steps_for(mounts ? *mounts : std::vector<MountPoint>())) {
    io.err << "collecting " << step.name << "\n" << std::flush;
    TRY(archive->add(step.name, said_within(kStepTimeout, step.work)));
  }
  TRY(archive->close());
  io.out << file << "\n";
  io.err << "\n" << kReadme << "Look through it before you hand it on: tar tzf " << printable(file) << "\n";
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("-o,--output", options->output, "where to write it (default: granary-bugreport-TIME.tar.gz, here)")
      ->type_name("FILE");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kBugreportCommand{"bugreport", "collect what somebody needs to find a fault",
                                "Writes an archive with versions, mounts, processes, configuration, figures, log lines "
                                "and traces of this host's mounts. "
                                "Works with mounts that\n"
                                "are dead or hang: each step takes seconds at most. It holds names of hosts and files, "
                                "no keys and no contents; look "
                                "through it before you hand it on.",
                                "granary bugreport\ngranary bugreport -o /tmp/report.tar.gz\n", define};

}  // namespace granary
