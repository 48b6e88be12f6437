#include "fs/fuse/tell_mode.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <thread>

#include "fs/base/file.h"
#include "fs/client/control_socket.h"
#include "fs/client/mount_client.h"
#include "fs/format/json.h"
#include "fs/fuse/change_request.h"
#include "fs/store/pins.h"

namespace granary {

namespace {
constexpr int kWrongCommandLine = 2;
constexpr std::chrono::seconds kAnswerTimeout{5};
constexpr std::chrono::seconds kChangeTimeout{120};  // a worker opens the snapshot first, perhaps over a slow network
constexpr std::chrono::milliseconds kBetweenLooks{20};
constexpr size_t kMaxListBytes = size_t{1} << 20;
constexpr size_t kMaxAnswerBytes = size_t{32} << 20;

constexpr const char* kHelp =
    "usage: granary-mount --tell MOUNTPOINT proxies LIST   other proxies from now on: as --proxy; DIRECT, auto\n"
    "       granary-mount --tell MOUNTPOINT mirrors [URL]  other mirrors from now on, none or several\n"
    "       granary-mount --tell MOUNTPOINT pin [--only]   fetch, and keep in the cache for good, the paths that "
    "stand\n"
    "                                                      in standard input: one a line, as the tree has them, links\n"
    "                                                      followed, directories with all below; \"#\" begins a "
    "comment.\n"
    "                                                      --only: pins of other snapshots are let go\n"
    "       granary-mount --tell MOUNTPOINT QUESTION       stat, metrics, log, options, fill RATE, head …\n"
    "Changes a live mount, or asks it. What is open stays open, readers notice nothing; changes outlive the worker,\n"
    "not the mount. Only its owner and root may.\n\n"
    "Examples:\n"
    "  granary-mount --tell /sw proxies 'http://squid:3128;DIRECT'\n"
    "  granary-mount --tell /sw pin </sw/usr/lib/granary/pinfiles\n\n"
    "Exit status: 0, 2 wrong command line, 3 the list or URL is wrong, 4 no such mount, or some paths are missing,\n"
    "5 nobody answers; others as granary(1).\n";

Status print(const std::string& text) {
  const bool ends = !text.empty() && text.back() == '\n';
  if (std::fputs((text + (ends ? "" : "\n")).c_str(), stdout) < 0 || std::fflush(stdout) != 0)
    return Error{Code::kNoSpace, "cannot write to standard output"};
  return Done{};
}

Result<std::string> ask(const MountPoint& mount, const std::string& question) {
  ControlClient client = TRY(ControlClient::connect(mount));
  return TRY(client.ask(question, kAnswerTimeout));
}

Status change(const MountPoint& mount, const ChangeRequest& request) {
  for (const std::string& value : request.values) {
    if (value.find_first_of(" \t\n") != std::string::npos)
      return Error{Code::kInvalid, "no blanks, please: " + printable(value)};
  }
  ControlClient supervisor = TRY(ControlClient::connect(mount, ControlListener::Of::kSupervisor));
  return print(TRY(supervisor.ask(request.question(), kChangeTimeout)));
}

// ---- pin

std::vector<std::string> paths_in(const std::string& text) {
  std::vector<std::string> out;
  for (size_t from = 0; from < text.size();) {
    const size_t end = std::min(text.find('\n', from), text.size());
    std::string line = text.substr(from, std::min(text.find('#', from), end) - from);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) line.pop_back();
    if (!line.empty()) out.push_back(std::move(line));
    from = end + 1;
  }
  return out;
}

// The path below the mount, as the catalog has it: every link is followed, as if the mount were the root directory.
Result<std::string> real_path(const MountPoint& mount, const std::string& path) {
  const UniqueFd root(::open(mount.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT;
  const UniqueFd found(static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
  if (!found.valid()) return system_error(errno, "cannot find " + printable(path));
  char name[PATH_MAX];
  const ssize_t n = ::readlink(str("/proc/self/fd/", found.get()).c_str(), name, sizeof name);
  if (n < 0) return system_error(errno, "cannot tell where " + printable(path) + " leads: is /proc mounted?");
  const std::string full(name, static_cast<size_t>(n));
  if (full == mount.path) return std::string();
  if (!full.starts_with(mount.path + "/")) return Error{Code::kInvalid, printable(path) + " is on another file system"};
  return full.substr(mount.path.size() + 1);
}

// Waits for it.
Status pin_one(const MountPoint& mount, const std::string& path) {
  const std::string number = TRY(ask(mount, "pin " + to_hex(TRY(real_path(mount, path)))));
  for (;;) {
    const JsonValue json = TRY(JsonValue::parse(TRY(ask(mount, "job " + number)), kMaxAnswerBytes));
    const JsonReader progress = TRY(JsonReader::of(json, "job"));
    const std::string step = TRY(progress.text("step"));
    if (step == "done") return Done{};
    if (step == "failed") {
      const JsonReader error = TRY(progress.reader("error", "job: error"));
      return Error{static_cast<Code>(TRY(error.integer("code"))),
                   str("cannot pin ", printable(path), ": ", TRY(error.text("message")))};
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

// Pins of the same repository's other snapshots.
Status let_others_go(const MountPoint& mount) {
  const JsonValue json = TRY(JsonValue::parse(TRY(ask(mount, "stat")), kMaxAnswerBytes));
  const JsonReader stat = TRY(JsonReader::of(json, "stat"));
  const PinBook book(TRY(TRY(stat.reader("cache", "cache")).text("dir")));
  const std::string repository = TRY(stat.text("repository"));
  const Digest snapshot = TRY(stat.digest("snapshot"));
  for (const Pin& pin : TRY(book.read()).pins) {
    if (pin.repository == repository && pin.snapshot != snapshot) TRY(book.remove(pin));
  }
  return Done{};
}

Result<std::string> read_standard_input() {
  std::string out;
  char part[65536];
  for (;;) {
    const ssize_t n = ::read(STDIN_FILENO, part, sizeof part);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot read the list of paths");
    if (n == 0) return out;
    out.append(part, static_cast<size_t>(n));
    if (out.size() > kMaxListBytes) return Error{Code::kEndlessData, "the list of paths is longer than 1 MiB"};
  }
}

// What cannot be pinned is told, and does not hinder the others.
Status pin(const MountPoint& mount, bool only) {
  uint64_t pinned = 0;
  JsonValue::Array missing;
  std::optional<Error> failure;
  for (const std::string& path : paths_in(TRY(read_standard_input()))) {
    const Status done = pin_one(mount, path);
    if (done) ++pinned;
    if (done) continue;
    std::fprintf(stderr, "granary-mount: %s\n", done.error().message.c_str());
    missing.emplace_back(printable(path));
    if (!failure || failure->code == Code::kNotFound) failure = done.error();
  }
  const bool has_all_there_is = !failure || failure->code == Code::kNotFound;
  if (only && has_all_there_is) TRY(let_others_go(mount));
  TRY(print(JsonValue(JsonValue::Object{{"pinned", pinned}, {"missing", missing}}).canonical()));
  if (failure) return Error{failure->code, str(missing.size(), " paths were not pinned")};
  return Done{};
}

Status tell(const std::vector<std::string>& arguments) {
  const MountPoint mount = TRY(find_mount(arguments[0]));
  const std::string& word = arguments[1];
  const std::vector<std::string> rest(arguments.begin() + 2, arguments.end());
  if (word == "proxies") return change(mount, {"proxy", rest});
  if (word == "mirrors") return change(mount, {"mirror", rest});
  if (word == "pin") return pin(mount, !rest.empty());
  if (word == "stat" && rest.empty()) return print(TRY(mount_stat(mount)));
  std::string question = word;
  for (const std::string& more : rest) question += " " + more;
  return print(TRY(ask(mount, question)));
}

bool is_well_formed(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2) return false;
  if (arguments[1] == "proxies") return arguments.size() == 3;
  if (arguments[1] == "pin") return arguments.size() == 2 || (arguments.size() == 3 && arguments[2] == "--only");
  return true;
}
}  // namespace

int run_tell(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h")) return std::fputs(kHelp, stdout) < 0;
  if (!is_well_formed(arguments)) {
    std::fprintf(stderr, "granary-mount: expected MOUNTPOINT and WORDS; see granary-mount --tell --help\n");
    return kWrongCommandLine;
  }
  const Status told = tell(arguments);
  if (told) return 0;
  std::fprintf(stderr, "granary-mount: %s\n", told.error().message.c_str());
  return static_cast<int>(told.error().code);
}

}  // namespace granary
