#include "fs/fuse/mount_session.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/fuse/filesystem.h"

namespace granary {

namespace {
// Look-ups may wait for parts of the catalog: enough threads that a few of them never hold up the rest.
constexpr unsigned kMaxThreads = 64;
constexpr int kLastUsersTimeoutMs = 5000;
constexpr int kNowAndThenMs = 500;

std::string escaped_for_option(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == ',' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string kernel_options(const MountOptions& options, const std::string& source) {
  std::string out = "ro,default_permissions,subtype=granary,fsname=" + escaped_for_option(source);
  if (options.allow_other) out += ",allow_other";
  out += options.suid ? ",suid" : ",nosuid";
  out += options.dev ? ",dev" : ",nodev";
  if (!options.exec) out += ",noexec";
  return out;
}

Status check_fuse() {
  const UniqueFd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (device.valid()) return Done{};
  const int error_number = errno;
  const bool is_missing = error_number == ENOENT || error_number == ENODEV || error_number == ENXIO;
  return Error{Code::kNoFuse,
               str("cannot open /dev/fuse: ", std::generic_category().message(error_number), "; ",
                   is_missing ? "load the module (modprobe fuse), or give the container that device"
                              : "its mode must let you read and write (usually 666), and a container must permit it")};
}

// Runs fusermount3; true when it went well.
bool run_fusermount(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  std::string program = "fusermount3";
  argv.push_back(program.data());
  std::vector<std::string> copy = arguments;
  for (std::string& argument : copy) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::execvp(program.c_str(), argv.data());
    ::_exit(127);
  }
  int how = 0;
  return child > 0 && ::waitpid(child, &how, 0) == child && WIFEXITED(how) && WEXITSTATUS(how) == 0;
}

void detach_path(const std::string& path) {
  if (::umount2(path.c_str(), MNT_DETACH) == 0) return;
  if (errno == EPERM) run_fusermount({"-u", "-z", "-q", "--", path});
}

// What libfuse and fusermount3 complain about while mounting becomes our one line.
class CapturedStderr {
 public:
  CapturedStderr()
      : captured_(::memfd_create("stderr", MFD_CLOEXEC)), saved_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    if (captured_.valid() && saved_.valid()) ::dup2(captured_.get(), STDERR_FILENO);
  }
  ~CapturedStderr() { restore(); }

  std::string restore() {
    if (!saved_.valid()) return {};
    ::dup2(saved_.get(), STDERR_FILENO);
    saved_.reset();
    const auto text = read_at(captured_.get(), 0, 4096);
    std::string line = text ? *text : "";
    while (!line.empty() && line.back() == '\n') line.pop_back();
    for (char& c : line) {
      if (c == '\n') c = ' ';
    }
    return line;
  }

 private:
  UniqueFd captured_;
  UniqueFd saved_;
};

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}
}  // namespace

void set_ending_signals(EndingSignals how) {
  const sigset_t set = ending_signals();
  pthread_sigmask(how == EndingSignals::kBlocked ? SIG_BLOCK : SIG_UNBLOCK, &set, nullptr);
}

Result<std::string> prepare_mount_point(const std::string& path) {
  TRY(check_fuse());
  const std::string full = TRY_WITHIN("cannot mount", mount_path(path));
  if (const auto mount = TRY(mounted_at(full))) {
    struct statvfs info {};
    const bool dead = mount->is_granary() && ::statvfs(full.c_str(), &info) != 0 && errno == ENOTCONN;
    if (!dead)
      return Error{Code::kBusy, str("cannot mount on ", printable(full), ": ", printable(mount->source),
                                    " is mounted there; unmount it first (granary umount ", printable(full), ")")};
    log::warn("dead mount cleared away", {{"path", full}});
    detach_path(full);
  }
  struct stat info {};
  if (::stat(full.c_str(), &info) != 0) return system_error(errno, "cannot mount on " + printable(full));
  if (!S_ISDIR(info.st_mode)) return Error{Code::kInvalid, "cannot mount on " + printable(full) + ": not a directory"};
  return full;
}

Result<std::unique_ptr<MountSession>> MountSession::start(Filesystem& filesystem, const MountOptions& options,
                                                          const std::string& source, const std::string& mount_point) {
  std::unique_ptr<MountSession> session(new MountSession);
  session->path_ = mount_point;
  TRY(session->begin(filesystem, options, source));
  return session;
}

Status MountSession::begin(Filesystem& filesystem, const MountOptions& options, const std::string& source) {
  set_ending_signals(EndingSignals::kBlocked);
  struct sigaction wake {};  // interrupts the loop's wait, nothing else
  wake.sa_handler = [](int) {};
  sigaction(SIGUSR1, &wake, nullptr);
  const std::string list = kernel_options(options, source);
  std::string words[] = {"granary-mount", "-o", list};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  fuse_args args = FUSE_ARGS_INIT(3, argv);
  CapturedStderr captured;
  session_ = fuse_session_new(&args, &Filesystem::operations(), sizeof(fuse_lowlevel_ops), &filesystem);
  fuse_opt_free_args(&args);
  if (session_ == nullptr || fuse_session_mount(session_, path_.c_str()) != 0) {
    const std::string why = captured.restore();
    const bool no_helper = why.find("exec") != std::string::npos;  // fusermount3, which mounts for users
    return Error{no_helper ? Code::kNoFuse : Code::kPermission,
                 str("cannot mount on ", printable(path_), ": ", why.empty() ? "FUSE refused" : printable(why))};
  }
  if (const std::string said = captured.restore(); !said.empty()) log::warn("mounting", {{"said", said}});

  ended_ = ::eventfd(0, EFD_CLOEXEC);
  loop_ = std::thread([this] {
    fuse_loop_config* config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_clone_fd(config, 1);
    fuse_loop_cfg_set_max_threads(config, kMaxThreads);
    fuse_loop_cfg_set_idle_threads(config, kMaxThreads);  // a thread that exists costs nothing, making one does
    fuse_session_loop_mt(session_, config);
    fuse_loop_cfg_destroy(config);
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(ended_, &one, sizeof one);
  });

  struct statvfs info {};
  if (::statvfs(path_.c_str(), &info) != 0)
    return system_error(errno, "the mount does not answer: " + printable(path_));
  const auto mount = TRY(mounted_at(path_));
  if (!mount) return Error{Code::kInternal, "the mount vanished: " + printable(path_)};
  mount_ = *mount;
  return Done{};
}

void MountSession::wait(const std::function<void()>& now_and_then) {
  const sigset_t set = ending_signals();
  const UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC));
  bool detached = false;
  for (;;) {
    pollfd wanted[] = {{ended_, POLLIN, 0}, {signals.get(), POLLIN, 0}};
    const int ready = ::poll(wanted, 2, detached ? kLastUsersTimeoutMs : kNowAndThenMs);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0 && !detached) {
      now_and_then();
      continue;
    }
    if (ready <= 0 || wanted[0].revents != 0 || detached) return;
    signalfd_siginfo signal{};
    if (::read(signals.get(), &signal, sizeof signal) != sizeof signal) return;
    log::info("signal received", {{"signal", signal.ssi_signo}, {"path", path_}});
    detach();
    detached = true;
  }
}

void MountSession::detach() const {
  const auto mount = mounted_at(path_);
  if (mount && *mount && (*mount)->device == mount_.device) detach_path(path_);
}

void MountSession::stop_answering() {
  if (!loop_.joinable()) return;
  fuse_session_exit(session_);
  pthread_kill(loop_.native_handle(), SIGUSR1);
  loop_.join();
}

MountSession::~MountSession() {
  if (session_ == nullptr) return;
  if (loop_.joinable()) {
    detach();
    stop_answering();
  }
  if (mount_.path.empty()) fuse_session_unmount(session_);  // by path: only while nobody else can have mounted there
  fuse_session_destroy(session_);
  if (ended_ >= 0) ::close(ended_);
}

}  // namespace granary
